"""What a second worker brings: ``python -m bench.workers [--json FILE] [--quick]``.

One worker with everything (broker, Redis, worker) on ONE core, against two workers with everything
on two: both have the same share of machine for each worker. Kafka and Redis are this program's own,
since they are pinned too.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import click

from bench.broker import Kafka
from bench.crew import Variant, Work, work
from bench.job.events import Size
from bench.output import json_option, quick_option, write_json
from bench.table import row, spread, table
from streams.embedded import LocalKafka, LocalRedis, Services

JOINING = {"group.initial.rebalance.delay.ms": "6000"}
"""Workers that start at the same moment shall be in the group's first generation together."""
GOALS = {"workers_2_over_1": 1.7, "events_per_cpu_second_2_over_1": 0.9}


def pin(pids: Sequence[int], cores: set[int]) -> None:
    """Let processes, with all of their threads, run on these cores only; children inherit it."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def pinned(kafka: LocalKafka, redis: LocalRedis, cores: set[int]) -> Iterator[None]:
    """Services and everything that is started inside on these cores."""
    before = os.sched_getaffinity(0)
    services = [pid for pid in (kafka.pid, redis.pid) if pid is not None]
    pin([*services, os.getpid()], cores)
    try:
        yield
    finally:
        pin([*services, os.getpid()], before)


def measured(size: Size, runs: int) -> tuple[list[Work], list[Work]]:
    """Alternating runs of one worker on one core and of two on two."""
    one: list[Work] = []
    two: list[Work] = []
    with (
        LocalKafka(config=JOINING) as broker,
        LocalRedis() as store,
        Kafka(broker.bootstrap_servers, size.partitions) as kafka,
        tempfile.TemporaryDirectory(prefix="ebbline-workers-") as folder,
    ):
        services = Services(broker.bootstrap_servers, store.url, "process", "process")
        variant = Variant(services, kafka, size)
        click.echo(f"{len(variant.events)} events, {variant.scores} scores", err=True)
        first, second, *_ = sorted(os.sched_getaffinity(0))
        for turn in range(runs):
            for workers, cores, found in ((1, {first}, one), (2, {first, second}, two)):
                with pinned(broker, store, cores):
                    found.append(work(variant, workers, Path(folder)))
                rate = found[-1].rate
                click.echo(f"{turn + 1}/{runs}: {workers} worker(s) {rate:,.0f}/s", err=True)
    return one, two


def figures(one: Sequence[Work], two: Sequence[Work]) -> dict[str, Any]:
    """The keys of ``build/bench.json``: ratios of medians, and every run."""
    per_cpu = [[1e6 / w.cpu_us for w in side] for side in (one, two)]
    rates = [[w.rate for w in side] for side in (one, two)]
    return {
        "workers_2_over_1": round(median(rates[1]) / median(rates[0]), 3),
        "events_per_cpu_second_2_over_1": round(median(per_cpu[1]) / median(per_cpu[0]), 3),
        "workers": {
            name: {"events_per_s": rates[i], "events_per_cpu_s": per_cpu[i]}
            for i, name in enumerate(("one_worker_one_core", "two_workers_two_cores"))
        },
    }


def section(found: dict[str, Any]) -> str:
    """A table."""
    sides = found["workers"].values()
    lines = []
    for name, key, title in (
        ("workers_2_over_1", "events_per_s", "events a second"),
        ("events_per_cpu_second_2_over_1", "events_per_cpu_s", "events a worker's CPU second"),
    ):
        one, two = (side[key] for side in sides)
        ratios = [b / a for a, b in zip(one, two, strict=True)]
        cells = (f"{median(one):,.0f}", f"{median(two):,.0f}", spread(ratios), f"{GOALS[name]} ×")
        lines.append(row([title, *cells]))
    head = ["", "one worker, one core", "two workers, two cores", "ratio", "goal"]
    return table(head, lines)


@click.command(help=__doc__)
@json_option
@quick_option
def main(json: Path | None, quick: bool) -> None:
    """See the module's docstring."""
    cores = len(os.sched_getaffinity(0))
    if cores < 2:  # the comparison is between one and two
        raise click.ClickException(f"two cores are needed, there is {cores}")
    size = Size(users=500 if quick else 1500, hours=110)
    found = figures(*measured(size, runs=2 if quick else 5))
    click.echo(section(found))
    write_json(json, found)


if __name__ == "__main__":
    main()
