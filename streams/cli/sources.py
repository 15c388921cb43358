"""``ebbline sources``: how each source is doing, and why."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import click
import orjson
from kafka.errors import KafkaError
from rich.console import Console
from rich.live import Live

from schemas.times import format_time, parse_time
from streams.cli.common import config_option, load, told
from streams.cli.verdicts import accept, reject
from streams.clock import now_us
from streams.config import Config
from streams.connections import Connections
from streams.sources.overview import SourcesOverview
from streams.sources.show import show, table
from streams.topics.clients import KafkaUnreachable, connect, opened
from streams.topics.reading import TopicNotReadable, ends, seek_to_tail

TAIL = 5_000
PATIENCE_S = 15.0
REDRAW_S = 2.0


class NothingSaidError(RuntimeError):
    """No worker has said anything about the sources."""


@click.group(invoke_without_command=True)
@config_option
@click.option("--watch", "follow", is_flag=True, help="Draw it again every 2 s, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a source.")
@click.pass_context
def sources(context: click.Context, config_file: Path | None, follow: bool, as_json: bool) -> None:
    """How each source is doing: late, silent or wrong, by how much, what is usual for it, and why.

    fresh: in time, or quiet as usual. lagging: its data flows, but late. stalled: silent for
    longer than is usual at this hour of the week. corrupt: its data is wrong; scores use it up to
    where it was right. unknown: never seen.
    """
    if context.invoked_subcommand is not None:
        return
    if follow and as_json:
        raise click.UsageError("--watch draws a table; for --json ask again and again.")
    config = load(config_file)
    with (
        told(KafkaUnreachable, TopicNotReadable, KafkaError, NothingSaidError),
        contextlib.suppress(KeyboardInterrupt),
    ):
        _show(config, follow=follow, as_json=as_json)


def _show(config: Config, *, follow: bool, as_json: bool) -> None:
    clients, console = connect(Connections.from_env()), Console()
    overview = SourcesOverview(config.spec.app, [one.name for one in config.spec.sources])
    with opened(clients.consumer()) as consumer:
        _catch_up(consumer, config, overview)
        if follow:
            _draw(consumer, console, overview)
            return
        now = format_time(now_us())
        if as_json:
            for one in overview.merged(now):
                click.echo(orjson.dumps(one))
        else:
            show(console, overview, newest(overview), now)


def _catch_up(consumer: Any, config: Config, overview: SourcesOverview) -> None:
    """Read the newest records, as far as there are any now."""
    topic = config.topics.sources
    until = ends(consumer, [topic])
    seek_to_tail(consumer, until, TAIL)
    deadline = time.monotonic() + PATIENCE_S
    while any(consumer.position(tp) < end for tp, end in until.items()):
        if time.monotonic() > deadline:
            raise TopicNotReadable(f"topic {topic}: no records came for {PATIENCE_S:g} s")
        _take(consumer, overview, 0.5)
    if not overview.partitions:
        raise NothingSaidError(
            f"No worker of app {config.spec.app!r} has said anything about its sources in topic "
            f"{topic} yet: it does once it has read its first record. Is one running? Start one "
            "with: ebbline worker"
        )


def _take(consumer: Any, overview: SourcesOverview, seconds: float) -> None:
    for records in consumer.poll(timeout_ms=int(seconds * 1_000)).values():
        for record in records:
            overview.take(record.value)


def _draw(consumer: Any, console: Console, overview: SourcesOverview) -> None:
    with Live(console=console, screen=False, auto_refresh=False) as live:
        while True:
            now = format_time(now_us())
            live.update(table(overview, newest(overview), now, folded=True), refresh=True)
            drawn = time.monotonic()
            while time.monotonic() - drawn < REDRAW_S:
                _take(consumer, overview, 0.2)


def newest(overview: SourcesOverview) -> str | None:
    """When a worker last said something."""
    said = [one.emitted_at for one in overview.partitions.values()]
    return max(said, key=parse_time, default=None)


sources.add_command(reject)
sources.add_command(accept)
