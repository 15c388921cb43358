"""What it costs to hold few users: ``python -m bench.capacity [--json FILE] [--quick]``.

A worker keeps ``[worker] capacity`` users of a partition in memory, and loads others from Redis
when they have an event or are due. Here all users fit, or a tenth of them.
The results are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import click

from bench.broker import Kafka
from bench.crew import Variant, Work, work
from bench.job.events import Size
from bench.output import json_option, quick_option, write_json
from bench.table import row, spread, table
from streams.embedded import Services, resolve_services


def measured(services: Services, size: Size, runs: int) -> tuple[list[Work], list[Work]]:
    """Alternating runs: all users held, a tenth of them."""
    everyone: list[Work] = []
    tenth: list[Work] = []
    with (
        Kafka(services.bootstrap_servers, size.partitions) as kafka,
        tempfile.TemporaryDirectory(prefix="ebbline-capacity-") as folder,
    ):
        variant = Variant(services, kafka, size)
        # Of each partition: a user belongs to one.
        share = size.users // size.partitions
        for _ in range(runs):
            for capacity, found in ((2 * share, everyone), (max(1, share // 10), tenth)):
                variant.capacity = capacity
                found.append(work(variant, 1, Path(folder)))
                click.echo(f"{capacity} users held: {found[-1].rate:,.0f}/s", err=True)
    return everyone, tenth


def section(everyone: Sequence[Work], tenth: Sequence[Work]) -> str:
    """A table; ratios run by run."""
    lines = []
    for title, works in (("all users", everyone), ("a tenth of them", tenth)):
        ratios = [w.cpu_us / a.cpu_us for w, a in zip(works, everyone, strict=True)]
        rate, cpu = median(w.rate for w in works), median(w.cpu_us for w in works)
        peak = median(w.peak_mb for w in works)
        lines.append(row([title, f"{rate:,.0f}", f"{cpu:.1f}", spread(ratios), f"{peak:.0f}"]))
    return table(["held in memory", "events/s", "CPU µs an event", "× all", "worker, MB"], lines)


@click.command(help=__doc__)
@json_option
@quick_option
def main(json: Path | None, quick: bool) -> None:
    """See the module's docstring."""
    size = Size(users=600 if quick else 3_000, hours=60)
    with resolve_services() as services:
        everyone, tenth = measured(services, size, runs=1 if quick else 3)
    click.echo(section(everyone, tenth))
    cost = [t.cpu_us / a.cpu_us for t, a in zip(tenth, everyone, strict=True)]
    write_json(json, {"cpu_tenth_over_all": round(median(cost), 3)})


if __name__ == "__main__":
    main()
