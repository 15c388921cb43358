"""The sources as a table for whoever is called at night."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.staleness.words import duration
from schemas.sources import SourceOverall
from schemas.times import parse_time
from streams.watch.render import COLOURS

OLD_S = 60.0
"""What was said longer ago than this may not be true any more."""


def table(found: Sequence[SourceOverall], newest: str | None, now: str) -> RenderableType:
    """Draw it. newest: when a worker last said something. now: wall clock."""
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("source", "health"):
        drawn.add_column(name, no_wrap=True)
    for name in ("behind", "usual", "silent"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for name in ("last data", "partitions"):
        drawn.add_column(name)
    drawn.add_column("cost", justify="right", no_wrap=True)
    drawn.add_column("why")
    for one in found:
        drawn.add_row(
            escape(one.source),
            Text(one.health, style=COLOURS[one.health]),
            _short(one.staleness_s),
            _short(one.usual_lag_s),
            _short(one.silence_s),
            "-" if one.last_data is None else one.last_data[:19].replace("T", " "),
            partitions_text(one),
            "-" if one.cost_missing is None else f"{one.cost_missing:+.4f}",
            escape(one.evidence),
        )
    return Group(drawn, *(Text(note, style="yellow") for note in notes(newest, now)))


def partitions_text(one: SourceOverall) -> str:
    """How many there are, and which are not well.

    As in "2 of 4: 1 3 (no report: 2)".
    """
    text = f"all {one.partitions}"
    if one.affected:
        numbers = " ".join(map(str, one.affected))
        text = f"{len(one.affected)} of {one.partitions}: {numbers}"
    elif one.health != "unknown":
        text = f"none of {one.partitions}"
    silent = f" (no report: {' '.join(map(str, one.unreported))})" if one.unreported else ""
    return text + silent


def notes(newest: str | None, now: str) -> list[str]:
    """What the reader should know besides."""
    said = []
    if newest is not None and (age := (parse_time(now) - parse_time(newest)) / 1e6) > OLD_S:
        said.append(
            f"The newest report is {duration(age)} old: does a worker run? (ebbline worker; "
            "group and lag: ebbline watch)"
        )
    return said


def _short(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)
