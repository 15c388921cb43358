"""``make faults``: the campaign. Kills, rebalances and every other fault, and the table."""

from __future__ import annotations

import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click

from streams.embedded import resolve_services
from tests.faults.catalogue import FAULTS, Fault, Stage
from tests.faults.table import Row, markdown, put, save

STRIKES = 5
"""Strikes in one life, where a fault can strike often."""

AWAY = 60.0
"""Seconds a service stays away that goes away."""


@dataclass
class Campaign:
    """Plays faults until there are enough strikes, several lives at a time."""

    servers: str
    redis_url: str
    folder: Path
    seed: int
    wanted: int
    rows: dict[str, Row] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lives(self, faults: list[Fault]) -> Iterator[Fault]:
        """Each fault once, then kills and rebalances again until there are enough of them."""
        yield from faults
        for kind in ("kill", "rebalance"):
            again = [fault for fault in faults if fault.kind == kind]
            turn = 0
            while again and self._struck(again) < self.wanted:
                yield again[turn % len(again)]
                turn += 1

    def _struck(self, faults: list[Fault]) -> int:
        with self._lock:
            return sum(self.rows[f.name].runs for f in faults if f.name in self.rows)

    def play(self, number: int, fault: Fault) -> None:
        """One life; what it found is counted and said."""
        seed, began = self.seed * 10_000 + number, time.monotonic()
        folder = self.folder / str(number)
        folder.mkdir()
        rng = random.Random(seed)
        stage = Stage(self.servers, self.redis_url, folder, rng, many=STRIKES, away=AWAY)
        said = "nothing wrong"
        row = Row(fault.name)
        try:
            result = fault.strike(stage)
            row.add(result)
            if not row.clean:
                said = str(result.verdict)
        except Exception as error:  # noqa: BLE001  # a life that breaks off is a finding
            row.lost += 1
            said = f"BROKE OFF: {error}"[:4000]
        with self._lock:
            total = self.rows.setdefault(fault.name, Row(fault.name))
            for name in ("runs", "events", "lost", "counted_twice", "unrecognisable_duplicates"):
                setattr(total, name, getattr(total, name) + getattr(row, name))
            if not row.clean:
                self.failures.append(f"{fault.name} (life {number}): {said}")
        took = time.monotonic() - began
        click.echo(f"{number:4d}  {took:5.0f} s  {row.runs:3d} ×  {fault.name}: {said}")


@click.command(help=__doc__)
@click.option("-n", "--strikes", default=50, show_default=True, help="Kills, and rebalances.")
@click.option("--seed", type=int, help="Of everything random. Default: by chance; it is said.")
@click.option("--jobs", default=2, show_default=True, help="Lives at a time.")
@click.option("--only", default="", help="Faults whose name matches this regular expression.")
@click.option("--write/--no-write", default=True, help="Table into docs/reliability.md.")
def main(strikes: int, seed: int | None, jobs: int, only: str, *, write: bool) -> None:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    faults = [fault for fault in FAULTS.values() if re.search(only, fault.name)]
    click.echo(f"seed {seed}: {strikes} kills, {strikes} rebalances, {len(faults)} faults")
    with resolve_services() as services, tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(
            services.bootstrap_servers, services.redis_url, Path(folder), seed, strikes
        )
        _play(campaign, faults, jobs)
    rows = [campaign.rows[fault.name] for fault in faults]
    save(rows)
    table = markdown(rows)
    click.echo(f"\n{table}\n")
    for failure in campaign.failures:
        click.echo(failure, err=True)
    if write and not only:
        line = f'`make faults N={strikes} ARGS="--seed {seed}"`'
        put("table", f"{line}\n\n{table}")
    sys.exit(0 if all(row.clean for row in rows) and not campaign.failures else 1)


def _play(campaign: Campaign, faults: list[Fault], jobs: int) -> None:
    """Several lives at a time; the next is chosen when one has ended."""
    lives, lock, numbers = campaign.lives(faults), threading.Lock(), iter(range(10**6))

    def work() -> None:
        while True:
            with lock:
                fault, number = next(lives, None), next(numbers)
            if fault is None:
                return
            campaign.play(number, fault)

    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _ in range(jobs)]:
            future.result()


if __name__ == "__main__":
    main()
