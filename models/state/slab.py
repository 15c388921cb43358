"""The slab: state of the users in memory, rows = users, numpy columns, of fixed capacity.

A cache of what is durable elsewhere: every change is written back in the commit of its batch,
so the least recently used rows can simply be dropped. Memory goes with what is held: the panes
that have events (models.features.pool), and ragged parts of the rows that have any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar, cast

import numpy as np

from models.features.distinct import DistinctRings
from models.features.panes import PaneRing
from models.features.plan import Plan
from models.features.ragged import lengthen
from models.grid import NEVER, Bool, Int
from models.spec import Spec
from models.state.renewable import Renewable
from models.state.waiting import WaitingCuts
from schemas.hashing import hash_texts

T = TypeVar("T")

ABSENT = -1
"""Row of a user that is not in memory."""
FREE = -1
_START = 1024
_EVICTED_AT_ONCE = 32
"""When the slab is full, this fraction of it (1/n) leaves at once: looking for it costs."""
_TIMES = ("entered", "last_seen", "last_cut", "last_score")
_ARRAYS = (*_TIMES, "used", "indexed", "dated", "offsets", "hashes", "guards")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dated outcome of a user. kind: 0 churn, 1 leave, 2 return."""

    time: int
    kind: int


CHURN, LEAVE, RETURN = 0, 1, 2


class ByRow(dict[int, T]):
    """What few rows have. A row that has none reads as empty; reading makes no entry."""

    def __init__(self, empty: Callable[[], T]) -> None:
        super().__init__()
        self._empty = empty

    def __missing__(self, row: int) -> T:
        """Give something empty."""
        return self._empty()

    def put(self, row: int, value: T) -> None:
        """Set what a row has; what is empty takes no memory."""
        if value:
            self[row] = value
        else:
            self.pop(row, None)


class Slab:
    """State of many users. Arrays have one row a user; ragged parts are kept by row.

    users: names by row. entered: event time of entering the population. last_seen: newest event
    time of any source but outcomes. last_cut: newest sweep that has passed the user. last_score:
    clock of the newest score, renewals left out. used: when the row was used last, in turns of the
    engine; FREE = it holds nobody. offsets: newest applied offset of each source's topic. indexed:
    whether the user is in the partition's index of users at risk. dated: whether it has outcomes.
    outcomes, pending, ids: outcomes in time order, cuts that wait, remembered event ids (hash to
    event time) of each source. hashes: of the users' names. guards: what rules keep of each user,
    two numbers for each; guard_of: where each source's begin. renewable: newest scores that may be
    renewed when late data has landed.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.spec: Spec = plan.spec
        n = len(self.spec.sources)
        self.rows: dict[str, int] = {}
        self.users: list[str | None] = []
        self.rings = [PaneRing(p, self.spec.grid, plan.panes, 0) for p in plan.sources]
        self.distinct = [DistinctRings(plan.panes) for _ in plan.sources]
        self.entered = np.empty(0, dtype=np.int64)
        self.last_seen = np.empty(0, dtype=np.int64)
        self.last_cut = np.empty(0, dtype=np.int64)
        self.last_score = np.empty(0, dtype=np.int64)
        self.used = np.empty(0, dtype=np.int32)
        self.indexed: Bool = np.empty(0, dtype=np.bool_)
        self.dated: Bool = np.empty(0, dtype=np.bool_)
        self.offsets = np.empty((0, n), dtype=np.int64)
        rules = np.cumsum([0, *(2 * source.quality.guards for source in self.spec.sources)])
        self.guard_of: list[int] = rules.tolist()
        self.guards = np.empty((0, self.guard_of[-1]), dtype=np.float64)
        self.hashes = np.empty(0, dtype=np.uint64)
        self.outcomes: ByRow[list[Outcome]] = ByRow(list)
        self.pending = WaitingCuts(n, len(self.spec.features))
        self.ids: ByRow[dict[int, dict[int, int]]] = ByRow(dict)
        self.renewable = Renewable(n)
        self._free: list[int] = []

    def __len__(self) -> int:
        """Users in memory."""
        return len(self.rows)

    def row_of(self, users: Iterable[str]) -> Int:
        """Rows of users that are all in memory, int64[n]."""
        rows = self.rows
        return np.array([rows[user] for user in users], dtype=np.int64)

    def find(self, users: Sequence[str | None]) -> Int:
        """Rows of users, int64[n]; ABSENT for those that are not in memory, and for None."""
        found = map(self.rows.get, users, repeat(ABSENT))  # type: ignore[arg-type]
        return np.fromiter(found, dtype=np.int64, count=len(users))

    def names(self, rows: Int) -> list[str]:
        """Users of rows that are all taken."""
        users = self.users
        return [cast("str", users[row]) for row in rows.tolist()]

    def make(self, users: list[str]) -> Int:
        """Give empty rows to users that have none."""
        while len(self._free) < len(users):
            self._grow(len(users) - len(self._free))
        taken = [self._free.pop() for _ in users]
        for user, row in zip(users, taken, strict=True):
            self.rows[user] = row
            self.users[row] = user
        rows = np.array(taken, dtype=np.int64)
        self.used[rows] = 0
        self.hashes[rows] = hash_texts(users)
        return rows

    def drop(self, users: Iterable[str]) -> None:
        """Forget users (in memory only)."""
        gone = [row for user in users if (row := self.rows.pop(user, None)) is not None]
        for row in gone:
            self.users[row] = None
        self._free.extend(gone)
        self._clear(np.array(gone, dtype=np.int64))

    def evict(self, capacity: int) -> None:
        """Drop the least recently used users above the capacity, and a few more."""
        if len(self.rows) <= capacity:
            return
        excess = len(self.rows) - capacity + capacity // _EVICTED_AT_ONCE
        held = np.flatnonzero(self.used != FREE)
        oldest = held[np.argpartition(self.used[held], excess - 1)[:excess]]
        self.drop(self.names(oldest))

    def ragged(self) -> list[dict[int, Any]]:
        """All that only some rows have, but for waiting cuts."""
        return [self.outcomes, self.ids, *self.distinct]

    def _grow(self, missing: int) -> None:
        old = len(self.users)
        size = max(_START, old + missing, old * 17 // 16)
        for ring in self.rings:
            ring.grow(size)
        self.pending.grow(size)
        self.renewable.grow(size)
        for name in _ARRAYS:
            lengthen(getattr(self, name), size)
        self.users.extend([None] * (size - old))
        self._free.extend(range(size - 1, old - 1, -1))
        self._clear(np.arange(old, size))

    def _clear(self, rows: Int) -> None:
        for ring in self.rings:
            ring.clear(rows)
        self.pending.clear(rows)
        self.renewable.clear(rows)
        for name in _TIMES:
            getattr(self, name)[rows] = NEVER
        self.used[rows] = FREE
        self.indexed[rows] = False
        self.dated[rows] = False
        self.offsets[rows] = -1
        self.guards[rows] = np.nan
        listed = rows.tolist()
        for ragged in self.ragged():
            if ragged:
                for row in listed:
                    ragged.pop(row, None)
