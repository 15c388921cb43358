"""The log of one source as columns: its events, and its heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

Times = np.ndarray[Any, np.dtype[np.int64]]
Chosen = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one source, in any order.

    times: int64[n], event time in µs. arrivals: int64[n], arrival time in ms. keys: the users
    (None: of nobody), values: the records' JSON, n each.
    """

    times: Times
    arrivals: Times
    keys: Sequence[bytes | None]
    values: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.values)

    def arriving(self, arrivals: Times) -> Events:
        """The same events at other arrival times (ms)."""
        return replace(self, arrivals=arrivals)

    def part(self, chosen: Chosen) -> Events:
        """The chosen events."""
        flags = chosen.tolist()
        return Events(
            self.times[chosen],
            self.arrivals[chosen],
            list(compress(self.keys, flags)),
            list(compress(self.values, flags)),
        )

    def changed(self, chosen: Chosen, values: Sequence[bytes]) -> Events:
        """The same events, the values of the chosen ones replaced by these, in their order."""
        found = list(self.values)
        for i, value in zip(np.flatnonzero(chosen).tolist(), values, strict=True):
            found[i] = value
        return replace(self, values=found)

    def behind(self, more: Events) -> Events:
        """These events, and then those."""
        return Events(
            np.concatenate([self.times, more.times]),
            np.concatenate([self.arrivals, more.arrivals]),
            [*self.keys, *more.keys],
            [*self.values, *more.values],
        )


@dataclass(frozen=True, slots=True)
class Beats:
    """Heartbeats of one source.

    arrivals: int64[n], ms. complete: int64[n], µs: every event up to then is there.
    """

    arrivals: Times
    complete: Times

    def __len__(self) -> int:
        return len(self.arrivals)

    def part(self, chosen: Chosen) -> Beats:
        """The chosen ones."""
        return Beats(self.arrivals[chosen], self.complete[chosen])

    def lowered(self, by: Times) -> Beats:
        """The same ones, promising less (µs, 0 or more)."""
        return Beats(self.arrivals, self.complete - by)
