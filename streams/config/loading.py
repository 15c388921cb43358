"""Reading ``ebbline.toml``: parse, read section by section, check, build."""

from __future__ import annotations

import tomllib
from pathlib import Path

from streams.config.build import build
from streams.config.checks import check
from streams.config.document import Document
from streams.config.lines import with_lines
from streams.config.problems import ConfigError, Problem, Problems
from streams.config.reading import read
from streams.config.settings import Config

MAX_BYTES = 1_048_576
"""A configuration of more bytes is not read: it is some other file."""


def load_config(path: Path) -> Config:
    """Load a configuration file. Raises ConfigError with all of its problems."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            remedy = "Name the configuration: --config FILE or EBBLINE_CONFIG."
            problem = Problem(str(path), f"It has more than {MAX_BYTES:,} bytes.", remedy)
            raise ConfigError([problem], path)
        text = content.decode()
    except FileNotFoundError:
        remedy = "Write one with: ebbline init. Or name another: --config FILE or EBBLINE_CONFIG."
        raise ConfigError([Problem(str(path), "There is no such file.", remedy)], path) from None
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), f"It cannot be read: {error}.", "A text file, UTF-8, is due.")
        raise ConfigError([problem], path) from error
    return parse_config(text, path)


def parse_config(text: str, path: Path | None = None) -> Config:
    """Make a configuration from TOML text. Raises ConfigError with all of its problems."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem = Problem("TOML", f"{error}.", "Mend the syntax: https://toml.io/en/v1.0.0")
        raise ConfigError([problem], path) from error
    problems = Problems()
    check(read(raw, problems), problems)
    if problems:
        raise ConfigError(with_lines(problems, text), path)
    return build(Document.model_validate(raw), path)
