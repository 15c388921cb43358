"""A run of records ready to be sent: columns, so that sorting and merging stay cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np

from streams.publish.arrival import Times

T = TypeVar("T")
Tags = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records with their arrival times (ms), and the source that each belongs to.

    sources: index into the plan's sources. A key of None marks a heartbeat, which goes to
    every partition.
    """

    arrivals: Times
    sources: Tags
    keys: list[bytes | None]
    values: list[bytes]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, part: slice) -> Chunk:
        """Take a contiguous part."""
        return Chunk(self.arrivals[part], self.sources[part], self.keys[part], self.values[part])

    def sorted(self) -> Chunk:
        """Order by arrival; equal arrivals stay as they are."""
        if len(self) < 2 or bool((self.arrivals[1:] >= self.arrivals[:-1]).all()):
            return self
        order = np.argsort(self.arrivals, kind="stable")
        picks = order.tolist()
        return Chunk(
            self.arrivals[order],
            self.sources[order],
            _take(self.keys, picks),
            _take(self.values, picks),
        )


def chunk_of(
    source: int, arrivals: Times, keys: Sequence[bytes | None], values: Sequence[bytes]
) -> Chunk:
    """Make a chunk of one source's records."""
    tags = np.full(len(values), source, dtype=np.int32)
    return Chunk(np.asarray(arrivals, dtype=np.int64), tags, list(keys), list(values))


def concat(parts: Sequence[Chunk]) -> Chunk:
    """Put chunks behind each other; at least one."""
    if len(parts) == 1:
        return parts[0]
    return Chunk(
        np.concatenate([p.arrivals for p in parts]),
        np.concatenate([p.sources for p in parts]),
        [key for p in parts for key in p.keys],
        [value for p in parts for value in p.values],
    )


def _take(items: list[T], picks: list[int]) -> list[T]:
    return list(itemgetter(*picks)(items))
