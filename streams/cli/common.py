"""What several subcommands share: the --config option, and errors without tracebacks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from streams.config import Config, ConfigError, load_config
from streams.connections import ConnectionSettingsError, config_path

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Configuration file.  [default: $EBBLINE_CONFIG or ebbline.toml]",
)


def load(config_file: Path | None) -> Config:
    """Load the configuration; a click error that lists every problem if it is wrong."""
    with told():
        return load_config(config_file or config_path())


@contextlib.contextmanager
def told(*errors: type[Exception]) -> Iterator[None]:
    """Turn errors whose message is meant for the user into a click error (exit code 1)."""
    expected: tuple[type[Exception], ...] = (ConfigError, ConnectionSettingsError, *errors)
    try:
        yield
    except expected as error:
        raise click.ClickException(str(error)) from error
