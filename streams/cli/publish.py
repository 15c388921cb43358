"""``ebbline publish``: rows of files onto the sources' topics, as the history they are."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
import orjson

from models.spec import SourceSpec
from schemas.times import TimeError, parse_duration, parse_time
from streams.cli.common import config_option, load, told
from streams.config import Config
from streams.connections import Connections
from streams.faults import KINDS, Fault, FaultError, read_fault
from streams.publish import job
from streams.publish.arrival import Arrival, Outage
from streams.publish.files import FileError, find
from streams.publish.plan import Feed, Plan, Progress
from streams.publish.records import UnreadableRows
from streams.publish.view import PublishView, summary
from streams.topics.clients import KafkaUnreachable
from streams.topics.reading import TopicNotReadable

INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""


class Duration(click.ParamType):
    """A duration such as ``1h30m``, as milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read it."""
        try:
            return value if isinstance(value, int) else -(-parse_duration(value) // 1000)
        except TimeError as error:
            self.fail(str(error), param, ctx)


class Time(click.ParamType):
    """An RFC 3339 time, as milliseconds."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read it."""
        try:
            return value if isinstance(value, int) else -(-parse_time(value) // 1000)
        except TimeError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class Named(click.ParamType):
    """``NAME=VALUE``."""

    name = "name=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        name, _, rest = value.partition("=")
        if not (name and rest):
            self.fail(f"{value!r}: nothing after the source's name, or no name", param, ctx)
        return name, rest


class SourceFirst(click.Command):
    """Lets ``--source NAME PATH…`` take as many paths as follow it (so that globs work)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Rewrite ``--source NAME P Q`` to ``--source NAME=P --source NAME=Q``."""
        return super().parse_args(ctx, spread_sources(args))


def spread_sources(args: list[str]) -> list[str]:
    """Give every path after ``--source NAME`` an option of its own.

    >>> spread_sources(["--source", "a", "x", "y", "--dry-run", "--source", "b=z"])
    ['--source', 'a=x', '--source', 'a=y', '--dry-run', '--source', 'b=z']
    """
    done: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word != "--source" or not rest or "=" in rest[0]:
            done.append(word)
            continue
        name, paths = rest.pop(0), []
        while rest and not rest[0].startswith("-"):
            paths.append(rest.pop(0))
        done += [part for path in paths or [""] for part in ("--source", f"{name}={path}")]
    return done


def _tell_faults(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo("\n".join(f"{kind} {settings}" for kind, (settings, _) in KINDS.items()))
        ctx.exit()


@click.command(cls=SourceFirst)
@config_option
@click.option(
    "--source",
    "sources",
    type=Named(),
    multiple=True,
    metavar="NAME PATH...",
    help="Files (or folders) with a source's rows: Parquet, CSV, JSON lines, .gz. Repeatable; "
    "several sources are merged by arrival time.",
)
@click.option(
    "--delay",
    "delays",
    type=Named(),
    multiple=True,
    metavar="SOURCE=DURATION",
    help="How long after it happened an event of the source arrives. Default 0s.",
)
@click.option(
    "--outage",
    "outages",
    type=Named(),
    multiple=True,
    metavar="SOURCE=FROM..TO",
    help="What would arrive between the two times arrives at TO, all at once.",
)
@click.option(
    "--fault",
    "faults",
    type=Named(),
    multiple=True,
    metavar="SOURCE='KIND SETTING=…'",
    help="What else goes wrong with a source, for trials; `ebbline publish --faults` lists all.",
)
@click.option(
    "--faults", "told", is_flag=True, is_eager=True, expose_value=False, callback=_tell_faults
)
@click.option(
    "--heartbeats",
    type=Duration(),
    metavar="EVERY",
    help="Put a heartbeat into every partition, at this spacing of arrival time.",
)
@click.option(
    "--close-at",
    type=Time(),
    metavar="TIME",
    help="Afterwards, move every partition of every input topic past TIME.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Send N times faster than it happened. Default: as fast as possible.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="Send only the first N rows."
)
@click.option(
    "--compression",
    type=click.Choice(["none", "gzip"]),
    default="none",
    help="gzip: a tenth of the bytes, a third of the speed.",
)
@click.option("--dry-run", is_flag=True, help="Read, sort and count; connect to nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def publish(
    config_file: Path | None, compression: str, dry_run: bool, as_json: bool, **plan: Any
) -> None:
    """Put rows of files on the topics of their sources, in order of arrival.

    The row's columns go out as JSON as they are. The record's timestamp is the arrival time:
    event time + --delay. Publishing the same rows again adds them again; only sources with an
    event id recognise a repeat.
    """
    config = load(config_file)
    with told(FileError, UnreadableRows, TopicNotReadable, KafkaUnreachable):
        made = plan_of(config, **plan)
        finished = _run(made, None if compression == "none" else compression, dry_run, as_json)
    if not finished:
        sys.exit(INTERRUPTED)


def plan_of(
    config: Config,
    sources: tuple[tuple[str, str], ...],
    delays: tuple[tuple[str, str], ...] = (),
    outages: tuple[tuple[str, str], ...] = (),
    faults: tuple[tuple[str, str], ...] = (),
    heartbeats: int | None = None,
    close_at: int | None = None,
    speed: float | None = None,
    limit: int | None = None,
) -> Plan:
    """Make the plan that the options describe; raises click.UsageError."""
    if not sources and close_at is None:
        raise click.UsageError("nothing to publish: give --source NAME PATH, or --close-at TIME.")
    if heartbeats == 0:
        raise click.UsageError("--heartbeats: the spacing must be at least 1ms.")
    known = {source.name: source for source in config.spec.sources}
    for name, _ in (*sources, *delays, *outages, *faults):
        if name not in known:
            raise click.UsageError(f"no source {name!r}; {config.path} has {', '.join(known)}.")
    names = dict.fromkeys(name for name in known if name in dict(sources))
    feeds = [
        Feed(
            known[name],
            _files(name, sources),
            _arrival(name, delays, outages),
            _faults(known[name], faults),
        )
        for name in names
    ]
    closing = config.spec.sources if close_at is not None else ()
    return Plan(tuple(feeds), heartbeats, close_at, closing, limit, speed)


def _files(name: str, sources: tuple[tuple[str, str], ...]) -> tuple[Path, ...]:
    return tuple(file for n, path in sources if n == name for file in find(Path(path)))


def _arrival(
    name: str, delays: tuple[tuple[str, str], ...], outages: tuple[tuple[str, str], ...]
) -> Arrival:
    delay = Duration().convert(dict(delays).get(name, "0s"), None, None) * 1000
    return Arrival(delay, tuple(_outage(text) for n, text in outages if n == name))


def _faults(source: SourceSpec, faults: tuple[tuple[str, str], ...]) -> tuple[Fault, ...]:
    try:
        return tuple(read_fault(text, source.mapping) for n, text in faults if n == source.name)
    except FaultError as error:
        raise click.UsageError(f"--fault {source.name}: {error}") from error


def _outage(text: str) -> Outage:
    start, dots, end = text.partition("..")
    if not dots:
        raise click.UsageError(f"--outage: {text!r} is not FROM..TO.")
    return Outage(Time().convert(start, None, None), Time().convert(end, None, None))


def _run(plan: Plan, compression: str | None, dry_run: bool, as_json: bool) -> bool:
    """Do it, and say what was done; False if it was stopped."""
    progress = Progress()
    try:
        with PublishView(plan, progress) as view:
            if dry_run:
                job.rehearse(plan, progress, view)
            else:
                asyncio.run(job.publish(plan, Connections.from_env(), compression, progress, view))
    except KeyboardInterrupt:
        pass
    click.echo(orjson.dumps(progress.as_json()) if as_json else summary(plan, progress, dry_run))
    return progress.finished
