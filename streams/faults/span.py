"""From when until when something is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.faults.log import Chosen, Times

FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Span:
    """Arrival times [start, end) in ms; with ``every``, again and again at that distance.

    >>> Span(10, 12, every=5).inside(np.array([4, 10, 12, 15, 16, 17])).tolist()
    [False, True, False, True, True, False]
    """

    start: int = -FOREVER
    end: int = FOREVER
    every: int | None = None

    def begun(self, arrivals: Times) -> Times:
        """When the occurrence that an arrival falls into, or behind, began; int64[n], ms."""
        if self.every is None:
            return np.full(len(arrivals), self.start, dtype=np.int64)
        turns = np.maximum(0, (arrivals - self.start) // self.every)
        return np.asarray(self.start + turns * self.every, dtype=np.int64)

    def ended(self, arrivals: Times) -> Times:
        """When that occurrence ends; int64[n], ms."""
        if self.end == FOREVER:
            return np.full(len(arrivals), FOREVER, dtype=np.int64)
        return self.begun(arrivals) + (self.end - self.start)

    def inside(self, arrivals: Times, longer: int = 0) -> Chosen:
        """Which arrivals lie in it, its end moved by ``longer`` ms; bool[n]."""
        late_end = np.minimum(self.ended(arrivals), FOREVER - longer) + longer
        return np.asarray(
            (arrivals >= self.begun(arrivals)) & (arrivals < late_end), dtype=np.bool_
        )


ALWAYS = Span()
