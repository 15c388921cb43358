"""Options that every program of the bench has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

json_option = click.option(
    "--json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures to this file.",
)
quick_option = click.option("--quick", is_flag=True, help="A shorter version of the same.")


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write the figures, if a file was named."""
    if path is not None:
        path.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
