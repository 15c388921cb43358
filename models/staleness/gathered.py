"""What came of a source between checks, for all stretches of a piece in one pass.

A stretch lies between two checks; the first one, number 0, begins at the last check before the
piece. What is gathered adds up, so it does not matter how the records were cut into pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.grid import NEVER, Float, Int
from models.staleness.cadence import TICKS
from models.staleness.runs import counted, numbered, runs
from models.staleness.segments import SLICES, bitmaps
from models.staleness.sketch import BUCKETS, Sketch, buckets_of


@dataclass(frozen=True, slots=True)
class Run:
    """Events of one source in a piece, in order; arrays of n, or of m >= n.

    clocks: int64[n], the partition's clock at usable ones. slices: int64[n], which of SLICES the
    user belongs to. kinds: int64[n], which of the ``listed`` kinds of event it is, -1 = none.
    arrived, delays: int64[m] and float64[m], the clock at those and at events that came too late to
    be used, and seconds from event to arrival.
    """

    clocks: Int
    slices: Int
    kinds: Int
    listed: int
    arrived: Int
    delays: Float


@dataclass(slots=True)
class Gathered:
    """What came in one stretch.

    delays: of all events. heard: the clock at the newest usable one, NEVER = there is none. bits:
    bitmaps of the ticks that have one, by part: slices of users, then listed kinds.
    """

    delays: Sketch
    heard: int = NEVER
    bits: list[int] = field(default_factory=list)


def gathered(start: int, every: int, run: Run) -> dict[int, Gathered]:
    """What came in each stretch in which anything came. start: the last check before the run."""
    cells = (run.arrived - start - 1) // every * BUCKETS + buckets_of(run.delays)
    cells, counts = counted(cells)
    numbers = cells // BUCKETS
    buckets = (cells - numbers * BUCKETS).tolist()
    weights = counts.astype(np.float64).tolist()
    found = {
        stretch: Gathered(Sketch(buckets[own], weights[own])) for stretch, own in runs(numbers)
    }
    since = run.clocks - start - 1
    stretches = since // every
    bits = _bits(run, stretches, (since - stretches * every) * TICKS // every)
    for (stretch, own), parts in zip(runs(stretches), bits, strict=True):
        found[stretch].heard, found[stretch].bits = int(run.clocks[own.stop - 1]), parts
    return found


def _bits(run: Run, stretches: Int, ticks: Int) -> list[list[int]]:
    """Bitmaps of the parts for each stretch that has an event."""
    each, place = numbered(stretches)
    parts = SLICES + run.listed
    own = place * parts + run.slices
    if run.listed:
        listed = run.kinds >= 0
        kinds = (place * parts + SLICES + run.kinds)[listed]
        own, ticks = np.concatenate([own, kinds]), np.concatenate([ticks, ticks[listed]])
    found = bitmaps(own, ticks, len(each) * parts)
    bits: list[list[int]] = found.reshape(len(each), parts).tolist()
    return bits
