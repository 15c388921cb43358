"""A pool of panes: every user's panes of one source in one block, blocks of many sizes.

A dense table (users x panes) is mostly empty: a user has events in 12 of 60 panes, say. Here a
user's panes lie side by side, in a block with little room to spare. A block that is outgrown is
left to others of its size; when a sixteenth of the pool lies idle, the blocks are moved together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features.ragged import lengthen, spread
from models.grid import Float, Int

NARROW = 2**16
"""Whole numbers below this take 16 bits."""
_START = 256
_MOVED_AT_ONCE = 16_384
"""Blocks; bounds the memory that moving takes."""


@dataclass(slots=True)
class Pool:
    """Entries (panes) and who has which.

    ids: int32[n], the pane of each entry. counts: uint16[n, k]; uint32 from the moment that a
    count outgrows 16 bits. numbers: float64[n, f].
    start, used, room: int32[rows], each row's block: where it lies, entries in it, its size.
    free: starts of idle blocks by size. top: end of what was ever given out.
    """

    ids: NDArray[np.int32]
    counts: NDArray[Any]
    numbers: Float
    start: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    used: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    room: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    free: dict[int, list[int]] = field(default_factory=dict)
    top: int = 0
    idle: int = 0

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` users; the new ones have no block."""
        for array in (self.start, self.used, self.room):
            lengthen(array, rows)

    def release(self, rows: Int) -> None:
        """Take the rows' blocks away."""
        held = rows[self.room[rows] > 0]
        sizes, starts = self.room[held], self.start[held]
        for size in np.unique(sizes).tolist():
            given = starts[sizes == size].tolist()
            self.free.setdefault(size, []).extend(given)
            self.idle += size * len(given)
        self.room[rows] = 0
        self.used[rows] = 0

    def resize(self, rows: Int, needed: Int) -> None:
        """Give each row (all different) a block for ``needed`` entries.

        Where the block changes its place, what it held is not moved.
        """
        small = (needed > self.room[rows]) | (self.room[rows] > 2 * block_size(needed))
        rows, sizes = rows[small], block_size(needed[small])
        self.release(rows)
        self._make_space(int(sizes.sum()))
        for size in np.unique(sizes).tolist():
            self._give(rows[sizes == size], size)

    def _give(self, rows: Int, size: int) -> None:
        idle = self.free.get(size, [])
        again = min(len(idle), len(rows))
        fresh = self.top + size * np.arange(len(rows) - again)
        self.start[rows[:again]] = idle[len(idle) - again :]
        self.start[rows[again:]] = fresh
        self.room[rows] = size
        del idle[len(idle) - again :]
        self.idle -= size * again
        self.top += size * len(fresh)

    def _make_space(self, entries: int) -> None:
        """Have so many entries behind ``top``, whatever idle blocks there are."""
        if self.top + entries <= len(self.ids):
            return
        if self.idle > self.top // 16:
            self._move_together()
        if self.top + entries > len(self.ids):
            size = max(_START, (self.top + entries) * 33 // 32)
            for array in (self.ids, self.counts, self.numbers):
                lengthen(array, size)

    def _move_together(self) -> None:
        """Close the gaps, in the order of the blocks, so that none is overwritten unread."""
        held = np.flatnonzero(self.room)
        held = held[np.argsort(self.start[held])]
        ends = np.cumsum(self.room[held], dtype=np.int64)
        for first in range(0, len(held), _MOVED_AT_ONCE):
            part = slice(first, first + _MOVED_AT_ONCE)
            rows = held[part]
            target = ends[part] - self.room[rows]
            source = spread(self.start[rows].astype(np.int64), self.used[rows].astype(np.int64))
            place = spread(target, self.used[rows].astype(np.int64))
            for array in (self.ids, self.counts, self.numbers):
                array[place] = array[source]
            self.start[rows] = target
        self.top = int(ends[-1]) if len(ends) else 0
        self.free.clear()
        self.idle = 0

    def count(self, entries: Int, column: int) -> None:
        """Count one for each of the entries, repeated ones as often as they come."""
        if len(entries) == 0:
            return
        if int(self.counts[entries, column].max()) + len(entries) >= NARROW:
            often = np.bincount(np.unique(entries, return_inverse=True)[1])
            self.fit(self.counts[np.unique(entries), column] + often)
        np.add.at(self.counts[:, column], entries, np.ones(len(entries), self.counts.dtype))

    def fit(self, counts: NDArray[Any]) -> None:
        """Be able to hold these counts. 2³² events of one user in one pane are out of reach."""
        if self.counts.dtype == np.uint16 and counts.max(initial=0) >= NARROW:
            self.counts = self.counts.astype(np.uint32)

    def entries(self, rows: Int) -> tuple[Int, Int]:
        """Entries of the rows, one row's behind the other's; and how many each has."""
        lengths = self.used[rows].astype(np.int64)
        return spread(self.start[rows].astype(np.int64), lengths), lengths


def block_size(entries: Int) -> Int:
    """Size of a block for so many entries: a little more, so that sizes are few."""
    step: Int = np.where(entries <= 2, 1, 2)
    return -(-entries // step) * step
