"""The slab: state of the users in memory, rows = users, numpy columns, of fixed capacity.

A cache of what is durable elsewhere: every change is written back in the commit of its batch,
so the least recently used rows can simply be dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models.features.distinct import DistinctRings
from models.features.panes import PaneRing
from models.features.plan import Plan
from models.grid import NEVER, Bool, Int
from models.spec import Spec

_START = 1024
_TIMES = ("entered", "last_seen", "last_cut", "last_score")
_ARRAYS = (*_TIMES, "used", "indexed", "dated", "offsets")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dated outcome of a user. kind: 0 churn, 1 leave, 2 return."""

    time: int
    kind: int


CHURN, LEAVE, RETURN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PendingCut:
    """A cut that waits for its label. packed: what was known and said there (models.state.cuts)."""

    time: int
    packed: bytes


class Slab:
    """State of many users. Arrays have one row a user; ragged parts are lists by row.

    entered: event time of entering the population. last_seen: newest event time of any source
    but outcomes. last_cut: newest schedule point scored. last_score: clock of the newest score.
    offsets: newest applied offset of each source's topic. indexed: whether the user is in the
    partition's index of users at risk. dated: whether it has outcomes. outcomes, pending, ids:
    outcomes in time order, cuts that wait, remembered event ids (hash to event time) of each
    source.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.spec: Spec = plan.spec
        n = len(self.spec.sources)
        self.rows: dict[str, int] = {}
        self.users: list[str | None] = []
        self.rings = [PaneRing(p, self.spec.grid, plan.panes, 0) for p in plan.sources]
        self.distinct = [DistinctRings(plan.panes, 0) for _ in plan.sources]
        self.entered = np.empty(0, dtype=np.int64)
        self.last_seen = np.empty(0, dtype=np.int64)
        self.last_cut = np.empty(0, dtype=np.int64)
        self.last_score = np.empty(0, dtype=np.int64)
        self.used = np.empty(0, dtype=np.int64)
        self.indexed: Bool = np.empty(0, dtype=np.bool_)
        self.dated: Bool = np.empty(0, dtype=np.bool_)
        self.offsets = np.empty((0, n), dtype=np.int64)
        self.outcomes: list[list[Outcome]] = []
        self.pending: list[list[PendingCut]] = []
        self.ids: list[dict[int, dict[int, int]]] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        """Users in memory."""
        return len(self.rows)

    def row_of(self, users: Iterable[str]) -> Int:
        """Rows of users that are all in memory, int64[n]."""
        rows = self.rows
        return np.array([rows[user] for user in users], dtype=np.int64)

    def make(self, users: list[str]) -> Int:
        """Give empty rows to users that have none."""
        while len(self._free) < len(users):
            self._grow()
        taken = [self._free.pop() for _ in users]
        for user, row in zip(users, taken, strict=True):
            self.rows[user] = row
            self.users[row] = user
        rows = np.array(taken, dtype=np.int64)
        self._clear(rows)
        return rows

    def drop(self, users: Iterable[str]) -> None:
        """Forget users (in memory only)."""
        for user in users:
            row = self.rows.pop(user, None)
            if row is not None:
                self.users[row] = None
                self._free.append(row)

    def evict(self, capacity: int) -> None:
        """Drop the least recently used users above the capacity."""
        excess = len(self.rows) - capacity
        if excess <= 0:
            return
        names = list(self.rows)
        used = self.used[self.row_of(names)]
        oldest = np.argpartition(used, excess - 1)[:excess]
        self.drop([names[i] for i in oldest.tolist()])

    def _grow(self) -> None:
        old = len(self.users)
        size = max(_START, old * 2)
        for ring in self.rings:
            ring.grow(size)
        for sketches in self.distinct:
            sketches.grow(size)
        for name in _ARRAYS:
            array = getattr(self, name)
            grown = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
            grown[:old] = array
            setattr(self, name, grown)
        fresh = size - old
        self.users.extend([None] * fresh)
        self.outcomes.extend([] for _ in range(fresh))
        self.pending.extend([] for _ in range(fresh))
        self.ids.extend({} for _ in range(fresh))
        self._free.extend(range(size - 1, old - 1, -1))

    def _clear(self, rows: Int) -> None:
        for ring in self.rings:
            ring.clear(rows)
        for name in _TIMES:
            getattr(self, name)[rows] = NEVER
        self.used[rows] = 0
        self.indexed[rows] = False
        self.dated[rows] = False
        self.offsets[rows] = -1
        listed = rows.tolist()
        for sketches in self.distinct:
            sketches.clear(listed)
        for row in listed:
            self.outcomes[row] = []
            self.pending[row] = []
            self.ids[row] = {}
