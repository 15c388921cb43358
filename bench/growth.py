"""How the cost grows: ``python -m bench.growth [--json FILE] [--quick]``.

One worker on the job in several sizes; each axis changes one thing and leaves the others: events
(the same users for longer), users (for as long), features, partitions. A flat line means that an
event costs the same however much there is of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click

from bench import lines
from bench.broker import Kafka
from bench.context import ROOT
from bench.crew import Variant, Work, work
from bench.job.config import FEATURES
from bench.job.events import Size
from bench.output import json_option, quick_option, write_json
from bench.table import row, table
from streams.embedded import Services, resolve_services

BASE = Size(users=600, hours=54)
"""No multiple of its hours ends at a midnight: the last cut needs an event behind it."""
CHART = "growth.svg"


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows, and by which factors."""

    name: str
    title: str
    factors: tuple[int, ...]


AXES = (
    Axis("events", "events (the same users, for longer)", (1, 3, 10)),
    Axis("users", "users (with as many events each)", (1, 3, 10)),
    Axis("features", "features (20 at first)", (1, 2, 4)),
    Axis("partitions", "partitions (2 at first)", (1, 4, 8)),
)

Point = dict[str, Any]


def features(factor: int) -> list[dict[str, Any]]:
    """The job's features, and as many more of usage as it takes."""
    more = [
        {
            "name": f"{agg}_{days}d_more",
            "source": "usage",
            "agg": agg,
            **({} if agg == "count" else {"of": "value"}),
            "window": f"{days}d",
        }
        for days in (2, 3, 4, 5, 6, 9, 11, 14, 18, 21)
        for agg in ("count", "sum", "mean", "min", "max", "std")
    ]
    return [*FEATURES, *more[: len(FEATURES) * (factor - 1)]]


def variant(services: Services, axis: Axis, factor: int) -> tuple[Kafka, Variant]:
    """The job, ``factor`` times as large along one axis. The first is to be closed."""
    size, chosen = BASE, features(factor if axis.name == "features" else 1)
    if axis.name == "events":
        size = replace(size, hours=size.hours * factor)
    elif axis.name == "users":
        size = replace(size, users=size.users * factor)
    elif axis.name == "partitions":
        size = replace(size, partitions=size.partitions * factor)
    kafka = Kafka(services.bootstrap_servers, size.partitions)
    return kafka, Variant(services, kafka, size, chosen)


def measured(services: Services, runs: int) -> dict[str, list[Point]]:
    """All points of all axes; the first point is the same for all and measured once."""
    found: dict[str, list[Point]] = {}
    base: Point | None = None
    for axis in AXES:
        points = []
        for factor in axis.factors:
            if factor != 1 or base is None:
                point = _point(services, axis, factor, runs)
                base = base or point
            else:
                point = base
            points.append({**point, "factor": factor})
        found[axis.name] = points
    return found


def _point(services: Services, axis: Axis, factor: int, runs: int) -> Point:
    kafka, job = variant(services, axis, factor)
    with kafka, tempfile.TemporaryDirectory(prefix="ebbline-growth-") as folder:
        works = [work(job, 1, Path(folder)) for _ in range(runs)]
        job.clear()
    point = summary(works)
    click.echo(f"{axis.name} × {factor}: {point['cpu_us']:.1f} µs of CPU an event", err=True)
    return point


def summary(works: Sequence[Work]) -> Point:
    """Medians of some runs."""
    return {
        "events": works[0].events,
        "scores": works[0].scores,
        "cpu_us": round(median(w.cpu_us for w in works), 2),
        "events_per_s": round(median(w.rate for w in works)),
        "peak_mb": round(median(w.peak_mb for w in works), 1),
    }


def section(found: dict[str, list[Point]]) -> str:
    """A table and the plot."""
    rows = [
        row(
            [
                f"{axis.title} × {point['factor']}",
                f"{point['events']:,}",
                f"{point['scores']:,}",
                f"{point['cpu_us']:.1f}",
                f"{point['cpu_us'] / found[axis.name][0]['cpu_us']:.2f}",
                f"{point['events_per_s']:,}",
                f"{point['peak_mb']:.0f}",
            ]
        )
        for axis in AXES
        for point in found[axis.name]
    ]
    head = ["", "events", "scores", "CPU µs an event", "× the first", "events/s", "worker, MB"]
    return f"{table(head, rows)}\n\n![CPU time of an event as things grow]({CHART})"


def chart(found: dict[str, list[Point]]) -> str:
    """CPU time of an event over the factor, a panel for each axis."""
    panels = [
        lines.Panel(axis.title, [(p["factor"], p["cpu_us"]) for p in found[axis.name]])
        for axis in AXES
    ]
    return lines.panels(panels, "CPU µs an event")


@click.command(help=__doc__)
@json_option
@quick_option
def main(json: Path | None, quick: bool) -> None:
    """See the module's docstring."""
    with resolve_services() as services:
        found = measured(services, runs=1 if quick else 3)
    click.echo(section(found))
    svg = chart(found)
    for folder in (ROOT / "build",) if quick else (ROOT / "build", ROOT / "docs"):
        folder.mkdir(exist_ok=True)
        (folder / CHART).write_text(svg)
    write_json(json, {"growth": found})


if __name__ == "__main__":
    main()
