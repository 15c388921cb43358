"""One file, ``ebbline.toml``, becomes one frozen `Config`, or one error with all its problems.

Nothing here connects to anything; addresses and secrets are in `streams.connections`.
"""

from streams.config.loading import load_config, parse_config
from streams.config.problems import ConfigError, Problem
from streams.config.settings import Config, TopicNames, WebAddress, WorkerSettings

__all__ = [
    "Config",
    "ConfigError",
    "Problem",
    "TopicNames",
    "WebAddress",
    "WorkerSettings",
    "load_config",
    "parse_config",
]
