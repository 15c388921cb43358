"""Does memory stay flat? ``make soak``, or ``python -m bench.soak [--for 1h] [--json FILE]``.

A scoring worker and a trainer live on a steady stream of events, several days of event time a
minute, with schedule, labels, examples and a model that learns daily. After a warm-up, in which
windows and waiting cuts fill, the resident memory of both is watched; the table says how much it
grew, and the plot shows it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench import lines
from bench.broker import Kafka
from bench.context import ROOT
from bench.crew import STOP_SECONDS, Variant, prepared, resident_mb
from bench.job.events import DAY, Event, Size, history
from bench.job.model import KEY
from bench.output import json_option, write_json
from bench.table import row, table
from schemas.times import TimeError, parse_duration
from streams.embedded import Services, resolve_services
from streams.embedded.process import OwnedProcess

WARM_DAYS = 62
"""Of event time: 28 days of windows, 28 of waiting cuts, and some more."""
WEEK_HOURS = 168
SAMPLE_SECONDS = 5.0
USERS = 500
CHART = "soak.svg"
ROLES = ("score", "train")


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident MB of each role at a moment. seconds: since the beginning; day: of event time."""

    seconds: float
    day: float
    resident: dict[str, float]


def text(variant: Variant, app: str) -> str:
    """The job's configuration, with a model that learns."""
    return (
        variant.text(app)
        .replace('kind = "river_logistic"\n', 'name = "learned"\n')
        .replace('every = "28d"\nactivation_delay = "1h"', 'every = "1d"\nactivation_delay = "6h"')
    )


def endless(users: int) -> Iterator[list[Event]]:
    """Events of one hour after the other, for ever: weeks of the job with other seeds."""
    week = 0
    while True:
        size = Size(users=users, hours=WEEK_HOURS, seed=week)
        shift = week * WEEK_HOURS * 3_600_000
        hours: list[list[Event]] = [[] for _ in range(WEEK_HOURS)]
        begin = None
        for event in history(size):
            begin = begin if begin is not None else event.at // DAY * DAY
            hours[(event.at - begin) // 3_600_000].append(replace(event, at=event.at + shift))
        yield from hours
        week += 1


class Soak:
    """The two processes, the stream, and what is seen of them."""

    def __init__(self, services: Services, kafka: Kafka, folder: Path, rate: float) -> None:
        self._kafka, self._folder, self._rate = kafka, folder, rate
        self.variant = Variant(services, kafka, Size(users=USERS))
        self._kafka.create(self.variant.topics.values(), {"retention.ms": "-1"})
        self.samples: list[Sample] = []
        self._sent = 0

    def run(self, app: str, seconds: float) -> None:
        """Feed and watch for so long."""
        config = self._folder / "soak.toml"
        config.write_text(text(self.variant, app))
        crew = {role: self._start(role, config) for role in ROLES}
        begun, told = time.monotonic(), 0.0
        try:
            for hour, events in enumerate(endless(USERS)):
                self._kafka.produce(self.variant.topics, events)
                self._sent += len(events)
                while (passed := time.monotonic() - begun) < self._sent / self._rate:
                    time.sleep(0.05)
                if passed >= len(self.samples) * SAMPLE_SECONDS:
                    self._look(crew, passed, hour / 24)
                if passed - told > 60:  # a line a minute
                    told = passed
                    click.echo(self._line(), err=True)
                if passed > seconds:
                    return
        finally:
            for process in crew.values():
                process.terminate(STOP_SECONDS)

    def _start(self, role: str, config: Path) -> OwnedProcess:
        program = "from streams.cli import main; main()"
        words = ["worker", "--roles", role, "--config", str(config), "--log-level", "WARNING"]
        return OwnedProcess(
            [sys.executable, "-c", program, *words],
            name=f"role {role}",
            output=self._folder / f"{role}.log",
            env={
                **os.environ,
                **self.variant.services.environment,
                "EBBLINE_SIGNING_KEY": KEY,
                "PYTHONPATH": str(ROOT),
            },
        )

    def _look(self, crew: dict[str, OwnedProcess], seconds: float, day: float) -> None:
        for process in crew.values():
            if not process.alive:
                raise click.ClickException(process.report("ended"))
        resident = {role: resident_mb(process.pid) for role, process in crew.items()}
        self.samples.append(Sample(seconds, day, resident))

    def _line(self) -> str:
        newest = self.samples[-1]
        memory = ", ".join(f"{role} {mb:.0f} MB" for role, mb in newest.resident.items())
        return f"{newest.seconds / 60:.0f} min, day {newest.day:.0f}, {self._sent} events: {memory}"


def growth(samples: list[Sample]) -> dict[str, dict[str, float]]:
    """For each role MB at the end of the warm-up and at the end, and the slope, MB an hour.

    The slope is the least-squares line through the samples after the warm-up.
    """
    warm = [sample for sample in samples if sample.day >= WARM_DAYS]
    if len(warm) < 3:  # a line through fewer says nothing
        raise click.ClickException(
            f"only {samples[-1].day:.0f} days of event time were reached, the warm-up takes "
            f"{WARM_DAYS}: run it for longer (--for) or faster (--rate)"
        )
    hours = np.array([sample.seconds / 3600 for sample in warm])
    found = {}
    for role in ROLES:
        memory = np.array([sample.resident[role] for sample in warm])
        slope = float(np.polyfit(hours, memory, 1)[0])
        found[role] = {
            "warm_mb": round(float(memory[:3].mean()), 1),
            "end_mb": round(float(memory[-3:].mean()), 1),
            "mb_per_hour": round(slope, 2),
        }
    return found


def section(found: dict[str, dict[str, float]], samples: list[Sample], rate: float) -> str:
    """A table and the plot."""
    rows = [
        row([role, f"{f['warm_mb']:.0f}", f"{f['end_mb']:.0f}", f"{f['mb_per_hour']:+.1f}"])
        for role, f in found.items()
    ]
    head = ["role", f"MB after {WARM_DAYS} days", "MB at the end", "MB an hour"]
    last = samples[-1]
    about = f"{last.seconds / 60:.0f} minutes, {last.day:.0f} days of event time, {USERS} users"
    plot = f"![Resident memory by day of event time]({CHART})"
    return f"{about}, {rate:,.0f} events a second at most.\n\n{table(head, rows)}\n\n{plot}"


def chart(samples: list[Sample]) -> str:
    """Resident memory over the days of event time, a panel for each role."""
    panels = [
        lines.Panel(f"role {role}", [(1 + s.day, s.resident[role]) for s in samples])
        for role in ROLES
    ]
    return lines.panels(panels, "resident MB by day of event time")


class Seconds(click.ParamType):
    """A duration such as ``10m`` or ``1h``; gives seconds."""

    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the option's text."""
        try:
            return parse_duration(value) / 1e6
        except TimeError as error:
            return self.fail(str(error), param, ctx)


@click.command(help=__doc__)
@json_option
@click.option("--for", "seconds", type=Seconds(), default="1h", show_default=True)
@click.option("--rate", default=5_000.0, show_default=True, help="Events a second.")
def main(json: Path | None, seconds: float, rate: float) -> None:
    """See the module's docstring."""
    with (
        resolve_services() as services,
        Kafka(services.bootstrap_servers, 2) as kafka,
        tempfile.TemporaryDirectory(prefix="ebbline-soak-") as place,
    ):
        soak = Soak(services, kafka, Path(place), rate)
        app = f"{soak.variant.name}-soak"
        with prepared(soak.variant, app, Path(place) / app):
            soak.run(app, seconds)
        soak.variant.clear()
    found = growth(soak.samples)
    last = soak.samples[-1]
    click.echo(section(found, soak.samples, rate))
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / CHART).write_text(chart(soak.samples))
    write_json(json, {"soak": found, "soak_minutes": round(last.seconds / 60, 1)})


if __name__ == "__main__":
    main()
