"""``make fuzz N=1000000``: every decoder under fire, and what became of the inputs.

    python -m tests.fuzz.campaign --inputs 1000000 --seed 7 --processes 2

Each chunk of inputs has a seed of its own, named when it fails, which makes it again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.fuzz import records, stored

Target = Callable[[random.Random, int], Counter[str]]
TARGETS: dict[str, tuple[Target, int, int]] = {
    "events": (records.events, 66, 4000),
    "engine": (records.engine, 2, 400),
    "own-records": (records.own_records, 16, 4000),
    "user-state": (stored.user_state, 8, 2000),
    "partition-record": (stored.partition_record, 3, 2000),
    "snapshots": (stored.snapshots, 3, 1000),
    "files": (stored.published_files, 1, 500),
    "configuration": (stored.configuration, 1, 100),
}
"""Name to function, share of the inputs in per cent, and inputs of one chunk."""


class Chunk(NamedTuple):
    """Inputs made from one seed."""

    target: str
    seed: str
    inputs: int


def chunks(inputs: int, seed: int) -> Iterator[Chunk]:
    """The whole campaign, the targets in turn."""
    for target, (_, share, size) in TARGETS.items():
        left = max(1, inputs * share // 100)
        number = 0
        while left > 0:
            yield Chunk(target, f"{seed}/{target}/{number}", min(size, left))
            left -= size
            number += 1


def fire(chunk: Chunk) -> tuple[Chunk, Counter[str], str]:
    """Outcomes of one chunk, and the traceback of what went wrong."""
    try:
        run = TARGETS[chunk.target][0]
        return chunk, run(random.Random(chunk.seed), chunk.inputs), ""
    except Exception:  # noqa: BLE001  # whatever comes out of a decoder is the finding
        return chunk, Counter(), traceback.format_exc(limit=-6)


def main() -> int:
    """Run the campaign; 1 when anything failed."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--inputs", type=int, default=1_000_000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--processes", type=int, default=2)
    words.add_argument("--only", choices=TARGETS)
    asked = words.parse_args()
    plan = [c for c in chunks(asked.inputs, asked.seed) if asked.only in (None, c.target)]
    found: Counter[str] = Counter()
    failures = 0
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for chunk, outcomes, wrong in pool.imap_unordered(fire, plan):
            found.update(outcomes)
            if wrong:
                failures += 1
                sys.stdout.write(f"--- {chunk.target}, seed {chunk.seed!r}\n{wrong}\n")
    for outcome, count in sorted(found.items()):
        sys.stdout.write(f"{count:>10,}  {outcome}\n")
    seconds = time.monotonic() - started
    sys.stdout.write(
        f"{found.total():,} inputs in {seconds:.0f} s (seed {asked.seed}); "
        f"{failures} chunks failed\n"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
