"""The sources as a table for whoever is called at night, and below it why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, OverflowMethod, RenderableType
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
_HEALTH = max(map(len, COLOURS))
_OVERFLOW: dict[bool, OverflowMethod] = {True: "fold", False: "ignore"}
LEGEND = (
    "since: when its health became that. behind: clock less watermark. usual: its usual delay. "
    "cost: log loss that a score has more without it (in money: ebbline cost)."
)


def show(console: Console, overview: SourcesOverview, newest: str | None, now: str) -> None:
    """Print it, commands in one piece however narrow the terminal is: what is copied is whole."""
    console.print(table(overview, newest, now), crop=False)


def table(
    overview: SourcesOverview, newest: str | None, now: str, *, folded: bool = False
) -> RenderableType:
    """Draw it. newest: when a worker last said something. now: wall clock.

    folded: break commands, too, over the lines of a screen that is drawn again and again.
    """
    found = overview.merged(now)
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    drawn.add_column("source", overflow="fold")
    drawn.add_column("health", no_wrap=True, min_width=_HEALTH)
    drawn.add_column("since", no_wrap=True)
    for name in ("behind", "usual", "silent"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("last data", overflow="fold")
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
    return Group(
        drawn,
        Text(LEGEND, style="dim"),
        *(line for one in found for line in _below(overview, one, folded=folded)),
        *(Text(note, style="yellow") for note in notes(newest, now)),
    )


def _below(overview: SourcesOverview, one: SourceOverall, *, folded: bool) -> Iterator[Text]:
    """Why, and what can be done."""
    style, wrong = COLOURS[one.health], overview.wrong_now(one.source)
    told = [(line, [] if wrong is None else [wrong]) for line in why(one)]
    told += [(waiting(one.source, over), [over]) for over in overview.left_out(one.source)]
    for line, undecided in told:
        yield Text(line, style=style)
        for words, command in (pair for some in undecided for pair in verdicts(one.source, some)):
            yield Text(f"  {words}", style=style)
            yield Text(f"    {command}", style, no_wrap=not folded, overflow=_OVERFLOW[folded])


def why(one: SourceOverall) -> Iterator[str]:
    """Why its health is what it is, where there is anything to say."""
    places = partitions_text(one)
    if one.health != "fresh" or one.evidence != "in time" or places:
        yield f"{one.source}: {one.evidence}{f' ({places})' if places else ''}"


def waiting(source: str, over: LeftOut) -> str:
    """Wrong data that is over, and that nobody has decided about."""
    times = f"{_minute(over.begin)} to {_minute(over.end)}"
    return f"{source}: no window uses {times} ({over.reason}; {_numbers(over)})"


def verdicts(source: str, wrong: LeftOut) -> Iterator[tuple[str, str]]:
    """What can be decided, and the command for it.

    The source stands last: no beginning of such a command is a command, so one that is cut off, or
    broken over lines, does nothing.
    """
    meant = f"--from {wrong.begin} --until {wrong.end} {source}"
    yield (
        f"wrong, and to be taken out again, where it is marked ({_numbers(wrong)}):",
        f"ebbline sources reject --marked {meant}",
    )
    yield "right after all (a real change):", f"ebbline sources accept {meant}"


def _numbers(wrong: LeftOut) -> str:
    return f"partitions {' '.join(map(str, wrong.partitions))}"


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
