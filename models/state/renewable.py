"""What it takes to renew a score that was told while a source was not fresh.

Only the newest score of a user counts, so there is at most one note of each. Most users have none:
the table is made when the first one is needed, and a user's durable value has it only where it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.features.ragged import lengthen
from models.grid import NEVER, Bool, Int

_ID_BYTES = 16


class Note(NamedTuple):
    """A score that may be renewed. id: its identity. stale: which sources were not fresh."""

    time: int
    id: str
    stale: tuple[bool, ...]


class Renewable:
    """At most one note of each row. sources: how many there are."""

    def __init__(self, sources: int) -> None:
        self._layout = struct.Struct(f"<q{_ID_BYTES}s{sources}s")
        self._rows = 0
        self._held = 0
        self._time = np.empty(0, dtype=np.int64)
        self._id = np.empty((0, _ID_BYTES), dtype=np.uint8)
        self._stale: Bool = np.empty((0, sources), dtype=np.bool_)

    def __len__(self) -> int:
        """Rows that have one."""
        return self._held

    def __contains__(self, row: int) -> bool:
        """Whether a row has one."""
        return self._held > 0 and bool(self._time[row] != NEVER)

    def __getitem__(self, row: int) -> Note:
        """A row's note; it must have one."""
        return Note(int(self._time[row]), self._id[row].tobytes().hex(), (*self._stale[row],))

    @property
    def size(self) -> int:
        """Bytes of a packed note."""
        return self._layout.size

    def grow(self, rows: int) -> None:
        """Make room for so many users."""
        self._rows = rows
        if len(self._time):
            self._lengthen()

    def holding(self, rows: Int) -> Bool:
        """Which rows have one, bool[n]."""
        if not self._held:
            return np.zeros(len(rows), dtype=np.bool_)
        found: Bool = self._time[rows] != NEVER
        return found

    def told(self, rows: Int) -> tuple[Int, Bool]:
        """Times of the rows' notes, int64[n], and their stale sources, bool[n, sources]."""
        return self._time[rows], self._stale[rows]

    def put(self, rows: Int, times: Int, ids: Sequence[str], stale: Bool) -> None:
        """Set the notes of rows, each once. stale: bool[n, sources]."""
        if len(rows) == 0:
            return
        if len(self._time) < self._rows:
            self._lengthen()
        self._held += int((self._time[rows] == NEVER).sum())
        self._time[rows], self._stale[rows] = times, stale
        packed = np.frombuffer(bytes.fromhex("".join(ids)), dtype=np.uint8)
        self._id[rows] = packed.reshape(len(rows), _ID_BYTES)

    def copy(self, other: Renewable, before: Int, rows: Int) -> None:
        """Take over notes: those of its rows ``before`` as those of ``rows``."""
        held = other.holding(before)
        times, stale = other.told(before[held])
        ids = [other[row].id for row in before[held].tolist()]
        self.put(rows[held], times, ids, stale)

    def clear(self, rows: Int) -> None:
        """Forget the rows' notes."""
        gone = rows[self.holding(rows)]
        if len(gone):
            self._held -= len(gone)
            self._time[gone] = NEVER

    def pack(self, row: int) -> bytes:
        """A row's note; b"" where it has none."""
        if row not in self:
            return b""
        return self._layout.pack(
            int(self._time[row]), self._id[row].tobytes(), self._stale[row].tobytes()
        )

    def unpack(self, row: int, packed: bytes) -> None:
        """Set a row's note as it was packed. Raises struct.error when its size is wrong."""
        time, identity, stale = self._layout.unpack(packed)
        found = np.frombuffer(stale, dtype=np.uint8)[None] != 0
        self.put(np.array([row]), np.array([time]), [identity.hex()], found)

    def _lengthen(self) -> None:
        before = len(self._time)
        for array in (self._time, self._id, self._stale):
            lengthen(array, self._rows)
        self._time[before:] = NEVER
