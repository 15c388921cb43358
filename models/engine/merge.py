"""Merging the inputs of one partition number, record by record, into one order of time.

Order: arrival, then the source's place in the configuration, then offset. A record may go out
once no other source can still deliver one that belongs before it: each other source has a later
record waiting, or does not block (the shell knows that it is caught up). Works on whole arrays
up to that safe point (the idea of Kafka Streams' KIP-353 and KIP-695).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from models.engine.records import Chunk, Merged, join_chunks
from models.grid import Int


class Merger:
    """Bounded buffers of one partition number, one for each source.

    The bound is the shell's business: it stops reading a source whose ``buffered`` is high.
    """

    def __init__(self, sources: int) -> None:
        self._waiting: list[deque[Chunk]] = [deque() for _ in range(sources)]
        self.buffered = [0] * sources

    def push(self, source: int, chunk: Chunk) -> None:
        """Add records behind those that wait."""
        if len(chunk):
            self._waiting[source].append(chunk)
            self.buffered[source] += len(chunk)

    def newest(self) -> int:
        """Newest arrival that waits."""
        return max(int(chunks[-1].arrivals[-1]) for chunks in self._waiting if chunks)

    def oldest(self) -> int:
        """Oldest arrival that waits."""
        return min(int(chunks[0].arrivals[0]) for chunks in self._waiting if chunks)

    def take(self, blocks: Sequence[bool], limit: int, ceiling: int | None = None) -> Merged | None:
        """Up to ``limit`` records that nothing can come before any more, in order.

        blocks: for each source, whether records may be missing behind its newest waiting one
        (False = it is known to be caught up). ceiling: newest arrival that may go out: what
        waited when that was found out; what came since proves nothing.
        """
        safe = self._safe_point(blocks)
        if ceiling is not None:
            safe = min(safe or (ceiling, len(blocks)), (ceiling, len(blocks)))
        arrivals = [self._releasable(source, safe, limit) for source in range(len(self.buffered))]
        if not any(len(a) for a in arrivals):
            return None
        every = np.concatenate(arrivals)
        owner = np.repeat(np.arange(len(arrivals)), [len(a) for a in arrivals])
        order = np.lexsort((owner, every))[:limit]
        owner = owner[order]
        places = tuple(np.flatnonzero(owner == s) for s in range(len(arrivals)))
        parts = tuple(self._pop(s, len(place)) for s, place in enumerate(places))
        return Merged(every[order], parts, places)

    def _safe_point(self, blocks: Sequence[bool]) -> tuple[int, int] | None:
        """Newest (arrival, source) that may go out; None = everything may."""
        points = []
        for source, chunks in enumerate(self._waiting):
            if blocks[source]:
                points.append((int(chunks[-1].arrivals[-1]) if chunks else -(2**63), source))
        return min(points, default=None)

    def _releasable(self, source: int, safe: tuple[int, int] | None, limit: int) -> Int:
        found: list[Int] = []
        room = limit
        for chunk in self._waiting[source]:
            count = min(room, _up_to(chunk.arrivals, source, safe))
            found.append(chunk.arrivals[:count])
            room -= count
            if count < len(chunk) or room == 0:
                break
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def _pop(self, source: int, count: int) -> Chunk | None:
        self.buffered[source] -= count
        taken, waiting = [], self._waiting[source]
        while count:
            chunk = waiting.popleft()
            if len(chunk) > count:
                waiting.appendleft(chunk.part(count, len(chunk)))
                chunk = chunk.part(0, count)
            taken.append(chunk)
            count -= len(chunk)
        return join_chunks(taken) if taken else None


def _up_to(arrivals: Int, source: int, safe: tuple[int, int] | None) -> int:
    """How many of the records lie at or before the safe point."""
    if safe is None:
        return len(arrivals)
    at, owner = safe
    return int(np.searchsorted(arrivals, at, side="right" if source <= owner else "left"))
