"""``ebbline init``: write a commented configuration to start from."""

from __future__ import annotations

from pathlib import Path

import click

from streams.config.starter import starter_text
from streams.connections import DEFAULT_CONFIG
from streams.demo.template import configuration


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path(DEFAULT_CONFIG))
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@click.option("--simulated", is_flag=True, help="For the users of `ebbline simulate`.")
def init(path: Path, force: bool, simulated: bool) -> None:
    """Write a commented ebbline.toml to PATH (a file or a folder) to start from.

    It is complete: usage, billing and support events, and outcomes. Change it into your own.
    """
    target = path / DEFAULT_CONFIG if path.is_dir() else path
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(configuration("simulated") if simulated else starter_text())
    except FileExistsError:
        raise click.ClickException(
            f"{target} exists already. Name another path, or overwrite it with --force."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}.") from error
    click.echo(f"Wrote {target}. Make it your own, then run: ebbline config check {target}")
