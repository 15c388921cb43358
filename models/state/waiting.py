"""Cuts that wait for their label: in tables, chained by user.

Nearly every user has one or two of them, for as long as the horizon: as objects they would take
more memory than the user's panes. What the cuts of one time have in common is held once, what
the policies said only of cuts at which something was stale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features.ragged import lengthen
from models.grid import Int
from models.state.cuts import SAID, Parts

_END = -1
_NONE = -1
_START = 64


@dataclass(frozen=True, slots=True)
class PendingCut:
    """A cut that waits for its label. packed: what was known and said there (models.state.cuts)."""

    time: int
    packed: bytes


class WaitingCuts:
    """Each row's waiting cuts, in the order of their times."""

    def __init__(self, sources: int, features: int) -> None:
        self._parts = Parts(sources, features)
        self._own = Table(self._parts.own_size)
        self._said = Table(SAID)
        self._shared = Shared()
        self._next = np.empty(0, dtype=np.int32)
        self._of_shared = np.empty(0, dtype=np.int32)
        self._of_said = np.empty(0, dtype=np.int32)
        self._first: NDArray[np.int32] = np.empty(0, dtype=np.int32)

    def __len__(self) -> int:
        """Cuts that wait."""
        return len(self._own)

    def __contains__(self, row: int) -> bool:
        """Whether a row has any."""
        return bool(self._first[row] != _END)

    def __getitem__(self, row: int) -> list[PendingCut]:
        """A row's cuts, oldest first."""
        return [self._cut(place) for place in self._places(row)]

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
        shared, own, said = self._parts.part(cut.packed)
        place = self._own.add(own)
        if place >= len(self._next):
            for array in (self._next, self._of_shared, self._of_said):
                lengthen(array, self._own.room)
        self._next[place] = _END
        self._of_shared[place] = self._shared.add((cut.time, shared))
        self._of_said[place] = self._said.add(said) if said else _NONE
        if places:
            self._next[places[-1]] = place
        else:
            self._first[row] = place

    def put(self, row: int, cuts: list[PendingCut]) -> None:
        """Replace a row's cuts."""
        for place in self._places(row):
            self._own.free(place)
            self._shared.free(int(self._of_shared[place]))
            if (said := int(self._of_said[place])) != _NONE:
                self._said.free(said)
        self._first[row] = _END
        for cut in cuts:
            self.append(row, cut)

    def _cut(self, place: int) -> PendingCut:
        time, shared = self._shared[int(self._of_shared[place])]
        number = int(self._of_said[place])
        said = b"" if number == _NONE else self._said[number]
        return PendingCut(time, self._parts.join(shared, self._own[place], said))

    def _places(self, row: int) -> list[int]:
        found, place = [], int(self._first[row])
        while place != _END:
            found.append(place)
            place = int(self._next[place])
        return found


class Table:
    """Values of ``size`` bytes by number; numbers that are free are given again."""

    def __init__(self, size: int) -> None:
        self._values = np.empty((0, size), dtype=np.uint8)
        self._free: list[int] = []

    def __len__(self) -> int:
        """Values in it."""
        return self.room - len(self._free)

    def __getitem__(self, number: int) -> bytes:
        """A value."""
        return bytes(self._values[number])

    @property
    def room(self) -> int:
        """Numbers are below this."""
        return len(self._values)

    def add(self, value: bytes) -> int:
        """Keep a value; returns its number."""
        if not self._free:
            old = self.room
            size = max(_START, old * 17 // 16)
            lengthen(self._values, size)
            self._free.extend(range(size - 1, old - 1, -1))
        number = self._free.pop()
        self._values[number] = np.frombuffer(value, dtype=np.uint8)
        return number

    def free(self, number: int) -> None:
        """Forget a value."""
        self._free.append(number)


class Shared:
    """Values that many have: each is held once, for as long as anybody has it."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._values: list[tuple[int, bytes]] = []
        self._holders: list[int] = []
        self._free: list[int] = []

    def __getitem__(self, number: int) -> tuple[int, bytes]:
        """A value."""
        return self._values[number]

    def __len__(self) -> int:
        """Different values."""
        return len(self._numbers)

    def add(self, value: tuple[int, bytes]) -> int:
        """Hold a value once more; returns its number."""
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = self._new(value)
        self._holders[number] += 1
        return number

    def free(self, number: int) -> None:
        """Hold a value once less."""
        self._holders[number] -= 1
        if self._holders[number] == 0:
            del self._numbers[self._values[number]]
            self._values[number] = (0, b"")
            self._free.append(number)

    def _new(self, value: tuple[int, bytes]) -> int:
        if self._free:
            number = self._free.pop()
            self._values[number] = value
            return number
        self._values.append(value)
        self._holders.append(0)
        return len(self._values) - 1
