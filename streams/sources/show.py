"""The sources as a table for whoever is called at night, and below it why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.staleness.words import duration
from schemas.sources import SourceOverall
from schemas.times import parse_time
from streams.sources.overview import LeftOut, SourcesOverview
from streams.watch.render import COLOURS

OLD_S = 60.0
"""What was said longer ago than this may not be true any more."""
LEGEND = (
    "since: when its health became that. behind: clock less watermark. usual: its usual delay. "
    "cost: log loss that a score has more without it (in money: ebbline cost)."
)


def table(overview: SourcesOverview, newest: str | None, now: str) -> RenderableType:
    """Draw it. newest: when a worker last said something. now: wall clock."""
    found = overview.merged(now)
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("source", "health", "since"):
        drawn.add_column(name, no_wrap=True)
    for name in ("behind", "usual", "silent"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("last data", no_wrap=True)
    drawn.add_column("cost", justify="right", no_wrap=True)
    for one in found:
        drawn.add_row(
            escape(one.source),
            Text(one.health, style=COLOURS[one.health]),
            "-" if one.since is None else _minute(one.since)[5:],
            _short(one.staleness_s),
            _short(one.usual_lag_s),
            _short(one.silence_s),
            _minute(one.last_data),
            "-" if one.cost_missing is None else f"{one.cost_missing:+.4f}",
        )
    whys = [
        Text(line, style=COLOURS[one.health])
        for one in found
        for line in (*why(one), *waiting(one.source, overview.left_out(one.source)))
    ]
    return Group(
        drawn,
        Text(LEGEND, style="dim"),
        *whys,
        *(Text(note, style="yellow") for note in notes(newest, now)),
    )


def why(one: SourceOverall) -> Iterator[str]:
    """Why its health is what it is, where there is anything to say; and what can be done."""
    places = partitions_text(one)
    if one.health == "fresh" and one.evidence == "in time" and not places:
        return
    yield f"{one.source}: {one.evidence}{f' ({places})' if places else ''}"
    if one.corrupt_since is not None:
        yield from _verdicts(f"{one.source} --from {one.corrupt_since}")


def waiting(source: str, intervals: Sequence[LeftOut]) -> Iterator[str]:
    """Wrong data that is over, and that nobody has decided about."""
    for one in intervals:
        numbers = " ".join(map(str, one.partitions))
        yield (
            f"{source}: no window uses {_minute(one.begin)} to {_minute(one.end)} "
            f"({one.reason}; partitions {numbers})"
        )
        yield from _verdicts(f"{source} --from {one.begin} --until {one.end}")


def _verdicts(meant: str) -> Iterator[str]:
    yield f"  wrong, and to be taken out again: ebbline sources reject {meant}"
    yield f"  right after all (a real change):  ebbline sources accept {meant}"


def partitions_text(one: SourceOverall) -> str:
    """Which partitions are not well, and of which nothing is heard; "" if all is well.

    As in "partitions 1 3 of 4; no report of 2".
    """
    said = []
    if one.affected:
        said.append(f"partitions {' '.join(map(str, one.affected))} of {one.partitions}")
    if one.unreported:
        said.append(f"no report of {' '.join(map(str, one.unreported))}")
    return "; ".join(said)


def notes(newest: str | None, now: str) -> list[str]:
    """What the reader should know besides."""
    said = []
    if newest is not None and (age := (parse_time(now) - parse_time(newest)) / 1e6) > OLD_S:
        said.append(
            f"The newest report is {duration(age)} old: does a worker run? (ebbline worker; "
            "group and lag: ebbline watch)"
        )
    return said


def _minute(time: str | None) -> str:
    return "-" if time is None else time[:16].replace("T", " ")


def _short(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)
