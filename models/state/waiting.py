"""Cuts that wait for their label: packed records of one size, in one table, chained by user.

Nearly every user has one or two of them, for as long as the horizon: as objects they would take
more memory than the user's panes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features.ragged import lengthen
from models.grid import Int

_END = -1
_START = 64


@dataclass(frozen=True, slots=True)
class PendingCut:
    """A cut that waits for its label. packed: what was known and said there (models.state.cuts)."""

    time: int
    packed: bytes


class WaitingCuts:
    """Each row's waiting cuts, in the order of their times. size: bytes of a packed one."""

    def __init__(self, size: int) -> None:
        self._times = np.empty(0, dtype=np.int64)
        self._packed = np.empty((0, size), dtype=np.uint8)
        self._next = np.empty(0, dtype=np.int32)
        self._first: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._free: list[int] = []

    def __len__(self) -> int:
        """Cuts that wait."""
        return len(self._times) - len(self._free)

    def __contains__(self, row: int) -> bool:
        """Whether a row has any."""
        return bool(self._first[row] != _END)

    def __getitem__(self, row: int) -> list[PendingCut]:
        """A row's cuts, oldest first."""
        return [
            PendingCut(int(self._times[place]), self._packed[place].tobytes())
            for place in self._places(row)
        ]

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` users; the new ones have no cuts."""
        old = len(self._first)
        lengthen(self._first, rows)
        self._first[old:] = _END

    def clear(self, rows: Int) -> None:
        """Forget the rows' cuts."""
        for row in rows[self._first[rows] != _END].tolist():
            self.put(row, [])

    def append(self, row: int, cut: PendingCut) -> None:
        """Add a cut that is newer than the row's others."""
        places = self._places(row)
        place = self._take()
        self._times[place], self._next[place] = cut.time, _END
        self._packed[place] = np.frombuffer(cut.packed, dtype=np.uint8)
        if places:
            self._next[places[-1]] = place
        else:
            self._first[row] = place

    def put(self, row: int, cuts: list[PendingCut]) -> None:
        """Replace a row's cuts."""
        self._free.extend(self._places(row))
        self._first[row] = _END
        for cut in cuts:
            self.append(row, cut)

    def _places(self, row: int) -> list[int]:
        found, place = [], int(self._first[row])
        while place != _END:
            found.append(place)
            place = int(self._next[place])
        return found

    def _take(self) -> int:
        if not self._free:
            old = len(self._times)
            size = max(_START, old * 17 // 16)
            for array in (self._times, self._packed, self._next):
                lengthen(array, size)
            self._free.extend(range(size - 1, old - 1, -1))
        return self._free.pop()
