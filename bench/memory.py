"""What a million users cost: memory of one worker's slab, bytes of a user's value in Redis.

    python -m bench.memory [--users 1000000] [--quick]

The users live through 60 days, a day at a time: each is active on so many of them (stated in the
output: median 12 days in ``usage``, 3 in the two other sources), with one cut waiting for its
label. Then another 10 days go by, to see whether memory stays flat. ``--quick`` puts the users
there at once instead, which takes seconds and leaves out what living through it costs. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.core_job import DAY, SPEC, START
from models.features.plan import make_plan
from models.grid import Int
from models.state.codec import encode
from models.state.cuts import CutRecord
from models.state.slab import Slab
from models.state.waiting import PendingCut

DAYS = 60
MEDIANS = {"usage": 12.0, "support": 3.0, "billing": 3.0}
SPREAD = 0.5
BATCH = 20_000


def resident() -> int:
    """Resident memory of this process, bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def active_days(users: int, median: float, rng: np.random.Generator) -> Int:
    """On how many of 60 days each user is active: log-normal, 1 to 60."""
    days = np.round(np.exp(rng.normal(np.log(median), SPREAD, users)))
    return np.clip(days, 1, DAYS).astype(np.int64)


def add_day(slab: Slab, source: int, rows: Int, day: int, rng: np.random.Generator) -> None:
    """One event of each row on a day."""
    ring = slab.rings[source]
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        times = START + day * DAY + rng.integers(1, DAY, len(part))
        values = np.round(rng.gamma(2, 30, len(part)), 1)
        ones = np.ones(len(part), dtype=np.bool_)
        selections = slab.plan.sources[source].selections
        ring.add(
            part, times, [ones] * len(selections), [values if s.of else None for s in selections]
        )


def put_at_once(slab: Slab, source: int, rows: Int, days: Int, rng: np.random.Generator) -> None:
    """Entries of the newest days of each user."""
    ring = slab.rings[source]
    first = START // DAY
    for start in range(0, len(rows), BATCH):
        part, lengths = rows[start : start + BATCH], days[start : start + BATCH]
        total = int(lengths.sum())
        ids = first + DAYS - np.repeat(np.cumsum(lengths), lengths) + np.arange(total)
        counts = rng.integers(1, 30, (total, ring.pool.counts.shape[1]))
        numbers = rng.gamma(2, 30, (total, ring.pool.numbers.shape[1]))
        ring.newest[part] = START + DAYS * DAY
        ring.restore(part, lengths, ids, counts, numbers)


def live_through(slab: Slab, rows: Int, days: dict[str, Int], until: range, seed: int) -> None:
    """Days on which each user is active with its own probability."""
    rng = np.random.default_rng(seed)
    for day in until:
        for source, often in enumerate(days.values()):
            active = rows[rng.random(len(rows)) < often / DAYS]
            add_day(slab, source, active, day, rng)


def wait_for_label(slab: Slab, rows: Int) -> None:
    """One cut for each user that waits."""
    codes, features = bytes(len(slab.rings)), len(SPEC.features)
    for row in rows.tolist():
        record = CutRecord(3, 0.25, (START,) * 3, codes, codes, (float(row),) * features)
        slab.pending.append(row, PendingCut(START + DAY, record.pack()))


def measure(users: int, *, quick: bool) -> dict[str, Any]:
    """Fill a slab and look at it."""
    rng, before = np.random.default_rng(1), resident()
    slab = Slab(make_plan(replace(SPEC, capacity=users)))
    rows = np.concatenate(
        [
            slab.make([f"user-{i:07d}" for i in range(start, min(start + BATCH, users))])
            for start in range(0, users, BATCH)
        ]
    )
    names = resident()
    days = {name: active_days(users, median, rng) for name, median in MEDIANS.items()}
    wait_for_label(slab, rows)
    cuts = resident()
    began = time.process_time()
    if quick:
        for source, often in enumerate(days.values()):
            put_at_once(slab, source, rows, often, rng)
    else:
        live_through(slab, rows, days, range(DAYS), 2)
    filled = resident()
    live_through(slab, rows, days, range(DAYS, DAYS + (1 if quick else 10)), 3)
    after, spent = resident(), time.process_time() - began
    sizes = np.array([len(v) for v in encode(slab, rng.choice(rows, min(users, 20_000), False))])
    return {
        "users": users,
        "features": len(SPEC.features),
        "active_days_of_60": {
            name: {"median": float(np.median(found)), "mean": round(float(found.mean()), 2)}
            for name, found in days.items()
        },
        "waiting_cuts_a_user": 1,
        "gib": round(after / 2**30, 3),
        "gib_before": round(before / 2**30, 3),
        "gib_rows_and_names": round((names - before) / 2**30, 3),
        "gib_cuts": round((cuts - names) / 2**30, 3),
        "gib_panes": round((filled - cuts) / 2**30, 3),
        "gib_growth_after": round((after - filled) / 2**30, 3),
        "redis_bytes_per_user": {
            "mean": round(float(sizes.mean())),
            "p99": round(float(np.percentile(sizes, 99))),
        },
        "cpu_s": round(spent, 1),
    }


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    json.dump(measure(arguments.users, quick=arguments.quick), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
