"""When a recorded event would have arrived: event time + delay, later if there was an outage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Times = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Outage:
    """What would have arrived in [start, end) arrives at ``end``. Milliseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """How one source's events get here. ``delay``: microseconds; ``outages``: arrival time.

    Every step keeps the order of times, so sorted events stay sorted.
    """

    delay: int = 0
    outages: tuple[Outage, ...] = ()

    def of(self, times: Times) -> Times:
        """Arrival times (ms) of event times (µs): rounded up, so never before the event.

        >>> Arrival(delay=1_000_000).of(np.array([0, 1])).tolist()
        [1000, 1001]
        """
        arrivals = -(-(times + self.delay) // 1000)
        for outage in sorted(self.outages, key=lambda o: o.start):
            inside = (arrivals >= outage.start) & (arrivals < outage.end)
            arrivals = np.where(inside, outage.end, arrivals)
        return arrivals

    def silent(self, arrivals: Times) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which arrival times (ms) lie in an outage, when nothing gets here."""
        cut = np.zeros(len(arrivals), dtype=np.bool_)
        for outage in self.outages:
            cut |= (arrivals >= outage.start) & (arrivals < outage.end)
        return cut


def span(ranges: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
    """Range that covers all ranges that are there; None without any."""
    known = [r for r in ranges if r is not None]
    return (min(r[0] for r in known), max(r[1] for r in known)) if known else None
