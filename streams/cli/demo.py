"""``ebbline demo``: everything on embedded services, with simulated users."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from schemas.times import TimeError, parse_duration
from streams.demo.children import ChildDied
from streams.demo.lines import progress, summary, verdict
from streams.demo.moment import Moment
from streams.demo.orchestrate import Ending, Options, Show, run
from streams.demo.stage import StageFailed
from streams.demo.terminal import picture_of
from streams.demo.web import PortTaken, choose_port
from streams.embedded import ServiceUnavailable

LINE_EVERY_S = 2.0
LEAST_S = 20.0


class Seconds(click.ParamType):
    """A duration such as ``60s`` or ``5m``, long enough for the story; gives seconds."""

    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the option's text."""
        try:
            seconds = parse_duration(value) / 1e6
        except TimeError as error:
            return self.fail(str(error), param, ctx)
        if seconds < LEAST_S:
            return self.fail(f"the story needs {LEAST_S:g}s or more", param, ctx)
        return seconds


class Lines:
    """Plain lines: the present every few seconds, everything else at once."""

    def __init__(self) -> None:
        self._next = 0.0

    def say(self, *lines: str) -> None:
        """Print."""
        for line in lines:
            click.echo(line)

    def draw(self, moment: Moment) -> None:
        """Print a line now and then."""
        if moment.elapsed >= self._next:
            self._next = moment.elapsed + LINE_EVERY_S
            click.echo(progress(moment))


class Screen:
    """A live picture; what is said scrolls above it."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._next = 0.0

    def say(self, *lines: str) -> None:
        """Print above the picture."""
        for line in lines:
            self._live.console.print(line, markup=False, highlight=False)

    def draw(self, moment: Moment) -> None:
        """Draw the picture anew, twice a second."""
        if (now := time.monotonic()) >= self._next:
            self._next = now + 0.5
            self._live.update(picture_of(moment), refresh=True)


@click.command()
@click.option(
    "--for",
    "seconds",
    type=Seconds(),
    help="Stop after 60s, 5m … (a slow machine may take longer) and check that everything the "
    "demo says was really seen: exit code 1 if not.  [default: until Ctrl-C]",
)
@click.option("--no-web", is_flag=True, help="No web page.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page, 0 = any free one.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of users.")
@click.option(
    "--speed",
    type=click.FloatRange(0.05, 10),
    default=1.0,
    show_default=True,
    help="Simulated days for each second; slower where the worker cannot keep up.",
)
@click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep configuration and logs of the processes in this folder.",
)
def demo(
    seconds: float | None,
    no_web: bool,
    port: int | None,
    seed: int,
    speed: float,
    logs: Path | None,
) -> None:
    """Watch churn scores appear: simulated users, a worker, a trainer, a view.

    Needs nothing and keeps nothing: Kafka is imitated in memory, Redis is started here. With
    KAFKA_BOOTSTRAP_SERVERS and REDIS_URL in the environment these are used, with topics and keys
    of a name of their own, which are removed at the end.
    """
    try:
        options = Options(seconds, None if no_web else choose_port(port), seed, speed, logs)
        with _shown() as show:
            ending = run(options, show)
    except (ChildDied, StageFailed, ServiceUnavailable, PortTaken) as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(_tell(ending))


@contextmanager
def _shown() -> Iterator[Show]:
    console = Console()
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, auto_refresh=False) as live:
        yield Screen(live)


def _tell(ending: Ending) -> int:
    """Print the summary; the exit code."""
    click.echo("\n".join(["", *summary(ending.moment, ending.evidence, ending.firsts)]))
    for role, code in ending.exit_codes.items():
        if code:
            click.echo(f"      warning  the {role} process did not end in order (exit code {code})")
    if ending.claims is None:
        click.echo("\nstopped before the claims could be judged")
        return 0
    click.echo("\n".join(["", *verdict(ending.claims)]))
    failed = [claim.name for claim in ending.claims if not claim.ok]
    click.echo(f"\n{'NOT seen: ' + ', '.join(failed) if failed else 'all of it was seen'}")
    return 1 if failed else 0
