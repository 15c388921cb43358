"""``ebbline watch``: a running deployment in the terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import click
from kafka.errors import KafkaError
from rich.console import Console
from rich.live import Live

from schemas.times import TimeError, parse_duration
from streams.cli.common import config_option, load, told
from streams.config import Config
from streams.connections import Connections
from streams.topics.clients import KafkaUnreachable, connect, opened
from streams.topics.reading import TopicNotReadable
from streams.watch.follow import Follower, group_lags
from streams.watch.state import WatchState

Moments: TypeAlias = Iterator[tuple[WatchState, bool]]

POLL_S = 0.2
LAG_EVERY_S = 2.0
DRAW_EVERY_S = 0.5
LINE_EVERY_S = 5.0
ONCE_S = 15.0


class Seconds(click.ParamType):
    """A duration such as ``30s`` or ``5m``; gives seconds."""

    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the option's text."""
        try:
            return parse_duration(value) / 1e6
        except TimeError as error:
            return self.fail(str(error), param, ctx)


@click.command()
@config_option
@click.option("--for", "duration", type=Seconds(), help="Stop after 30s, 5m …  [default: Ctrl-C]")
@click.option("--once", is_flag=True, help="Show the present state once.")
def watch(config_file: Path | None, duration: float | None, once: bool) -> None:
    """Show sources, lags, scores per second, the model, and the newest high risks.

    Written to a pipe it prints plain lines every few seconds.
    """
    config = load(config_file)
    console = Console()
    with (
        told(KafkaUnreachable, TopicNotReadable, KafkaError),
        contextlib.suppress(KeyboardInterrupt),
    ):
        moments = _follow(config, ONCE_S if once else duration)
        if once:
            _show_once(console, moments)
        elif console.is_terminal:
            _draw(console, moments)
        else:
            _log(console, moments)


def _follow(config: Config, seconds: float | None) -> Moments:
    """Yield after every poll: the state, and whether all that was there at first has been read."""
    clients = connect(Connections.from_env())
    state = watch_state(config)
    with opened(clients.consumer()) as consumer, opened(clients.admin()) as admin:
        follower = Follower(consumer, config, state)
        start = next_lag = time.monotonic()
        while seconds is None or time.monotonic() - start < seconds:
            follower.poll(time.monotonic(), POLL_S)
            if time.monotonic() >= next_lag:
                state.lags(group_lags(admin, consumer, config) or {})
                next_lag = time.monotonic() + LAG_EVERY_S
            yield state, follower.caught_up()


def watch_state(config: Config) -> WatchState:
    """Make the state for a configuration: its sources' order, its highest band."""
    names = [source.name for source in config.spec.sources]
    return WatchState(config.spec.app, sources=names, high=config.spec.scoring.bands[-1][0])


def _show_once(console: Console, moments: Moments) -> None:
    shown = None
    for state, complete in moments:
        shown = state
        if complete:
            break
    if shown is not None:
        _print(console, shown)


def _draw(console: Console, moments: Moments) -> None:
    with Live(console=console, screen=False, auto_refresh=False) as live:
        drawn = 0.0
        for state, _ in moments:
            if (now := time.monotonic()) - drawn >= DRAW_EVERY_S:
                live.update(state.render(now), refresh=True)
                drawn = now


def _log(console: Console, moments: Moments) -> None:
    """Print lines now and then, and the last state in any case."""
    printed, newest = time.monotonic() - LINE_EVERY_S + POLL_S, None
    try:
        for newest, _ in moments:
            if (now := time.monotonic()) - printed >= LINE_EVERY_S:
                _print(console, newest)
                printed = now
    finally:
        if newest is not None:
            _print(console, newest)


def _print(console: Console, state: WatchState) -> None:
    now = time.monotonic()
    if console.is_terminal:
        console.print(state.render(now))
    else:
        click.echo("\n".join(state.snapshot(now)))
