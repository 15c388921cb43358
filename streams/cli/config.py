"""``ebbline config``: check the configuration, and print its JSON Schema for editors."""

from __future__ import annotations

from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.cli.common import load
from streams.config import Config
from streams.connections import config_path


@click.group()
def config() -> None:
    """Check ebbline.toml; print its JSON Schema."""


@config.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def check(file: Path | None) -> None:
    """Sum FILE up if it is right (exit 0), or say everything that is wrong with it (exit 1).

    FILE: by default $EBBLINE_CONFIG or ebbline.toml. Nothing is connected to.
    """
    path = file or config_path()
    _show(path, load(path))


@config.command()
def schema() -> None:
    """Print the JSON Schema of ebbline.toml.

    With the TOML extension of most editors: save it as ebbline.schema.json and put
    "#:schema ./ebbline.schema.json" on the first line of ebbline.toml.
    """
    from streams.config.jsonschema import config_schema

    click.echo(orjson.dumps(config_schema(), option=orjson.OPT_INDENT_2))


def _show(path: Path, loaded: Config) -> None:
    from streams.config.summary import SOURCE_COLUMNS, summarize

    summary = summarize(loaded)
    console = Console(highlight=False)
    console.print(f"[green]{escape(str(path))} is right.[/]\n")
    about = Table.grid(padding=(0, 2))
    for name, text in summary.rows:
        about.add_row(f"[bold]{name}[/]", escape(text))
    console.print(about, "")
    sources = Table(*SOURCE_COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in summary.sources:
        sources.add_row(*row)
    console.print(sources)
    for note in summary.notes:
        console.print(f"\n[yellow]note[/] {note}")
