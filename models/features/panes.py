"""The panes of one source: partial aggregates of its users, a batch at a time.

A user's *ring* are the newest ``panes`` panes, counted back from its newest event; those of them
that have events lie in the user's block of the pool, oldest first. When a pane falls out of the
ring, what must outlive it (the last value) moves to the carried base. Applying events has three
steps: :meth:`PaneRing.prepare` finds or makes each event's entry, :meth:`PaneRing.apply` adds
events to their entries, in as many calls as wanted, :meth:`PaneRing.settle` lets go of what fell
out of the ring. Adding is sequential within a column (``ufunc.at``), so that the result does not
depend on how records were cut into batches, to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features.plan import SourcePlan
from models.features.pool import Pool
from models.features.ragged import last_of, lengthen, owners, spread
from models.grid import NEVER, Bool, Float, Int, pane_of

OUTSIDE = -1
"""Entry of an event that is older than its user's ring."""


class PaneRing:
    """Aggregates of one source for ``rows`` users.

    newest: int64[rows], newest event time applied. first: float64[rows, firsts], first event
    time of each kept selection. base_time, base_value: float64[rows, carried], the last event
    of each carried selection that lies before the ring.
    """

    def __init__(self, plan: SourcePlan, grid: int, panes: int, rows: int) -> None:
        self.plan = plan
        self.grid = grid
        self.panes = panes
        self._initial = plan.initial_numbers
        self._columns = {
            (column.kind, column.selection): i
            for table in (plan.counts, plan.numbers)
            for i, column in enumerate(table)
        }
        self.pool = Pool(
            np.empty(0, dtype=np.int32),
            np.empty((0, len(plan.counts)), dtype=np.uint16),
            np.empty((0, len(self._initial))),
        )
        self.newest: Int = np.empty(0, dtype=np.int64)
        self.first: Float = np.empty((0, len(plan.firsts)))
        self.base_time: Float = np.empty((0, len(plan.carried)))
        self.base_value: Float = np.empty((0, len(plan.carried)))
        self.grow(rows)

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` users; the new ones are empty."""
        old = len(self.newest)
        self.pool.grow(rows)
        for array in (self.newest, self.first, self.base_time, self.base_value):
            lengthen(array, rows)
        self.clear(np.arange(old, rows))

    def clear(self, rows: Int) -> None:
        """Empty the rows."""
        self.pool.release(rows)
        self.newest[rows] = NEVER
        self.first[rows] = float(-NEVER)
        self.base_time[rows] = float(NEVER)
        self.base_value[rows] = np.nan

    def column(self, kind: str, selection: int) -> NDArray[Any]:
        """A partial aggregate, over all entries of the pool (a view)."""
        table = self.pool.counts if kind == "count" else self.pool.numbers
        return table[:, self._columns[kind, selection]]

    def holds(self, kind: str, selection: int) -> bool:
        """Whether there is such a column."""
        return (kind, selection) in self._columns

    def newest_pane(self, rows: Int) -> Int:
        """Pane of the rows' newest events: the newest of their rings."""
        return pane_of(self.newest[rows], self.grid)

    def oldest_pane(self, rows: Int) -> Int:
        """The oldest pane of the rows' rings."""
        return self.newest_pane(rows) - (self.panes - 1)

    # --- events ------------------------------------------------------------------------------

    def add(self, rows: Int, times: Int, masks: list[Bool], values: list[Float | None]) -> None:
        """Apply events, in the order given; see :meth:`apply`."""
        self.apply(self.prepare(rows, times), rows, times, masks, values)
        self.settle(np.unique(rows))

    def prepare(self, rows: Int, times: Int) -> Int:
        """Entry of each event's pane, int64[n], made where there is none; or OUTSIDE.

        They hold until the next call of this or :meth:`settle`.
        """
        panes, entries = pane_of(times, self.grid), np.full(len(rows), OUTSIDE)
        inside = panes >= self.oldest_pane(rows)
        if not inside.any():
            return entries
        users, owner = np.unique(rows[inside], return_inverse=True)
        found, missing = self._find(users, owner, panes[inside])
        if missing.any():
            self._insert(users, owner[missing], panes[inside][missing])
            found, _ = self._find(users, owner, panes[inside])
        entries[inside] = found
        return entries

    def _find(self, users: Int, owner: Int, panes: Int) -> tuple[Int, Bool]:
        """Entries of the users' panes, and which there are none of."""
        held, lengths = self.pool.entries(users)
        if len(held) == 0:
            return np.full(len(panes), OUTSIDE), np.ones(len(panes), dtype=np.bool_)
        ids = self.pool.ids[held].astype(np.int64)
        low = min(int(ids.min()), int(panes.min()))
        span = max(int(ids.max()), int(panes.max())) - low + 1
        keys = owners(lengths) * span + (ids - low)
        wanted = owner * span + (panes - low)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return held[place], keys[place] != wanted

    def _insert(self, users: Int, owner: Int, panes: Int) -> None:
        """Make empty entries for panes that some of the users have none for."""
        low, span = int(panes.min()), int(np.ptp(panes)) + 1
        pairs = np.unique(owner * span + (panes - low))
        few, owner = np.unique(pairs // span, return_inverse=True)
        rows = users[few]
        keep = np.ones(int(self.pool.used[rows].sum()), dtype=np.bool_)
        self._rebuild(rows, keep, owner, pairs % span + low)

    def _rebuild(self, rows: Int, keep: Bool, extra_owner: Int, extra: Int) -> None:
        """Write the rows' blocks anew: the kept entries and empty ones for the extra panes."""
        pool = self.pool
        entries, lengths = pool.entries(rows)
        entries, owner = entries[keep], owners(lengths)[keep]
        counts = np.zeros((len(extra), pool.counts.shape[1]), dtype=pool.counts.dtype)
        numbers = np.tile(self._initial, (len(extra), 1))
        owner = np.concatenate([owner, extra_owner])
        ids = np.concatenate([pool.ids[entries], extra.astype(np.int32)])
        order = np.lexsort((ids, owner))
        self.restore(
            rows,
            np.bincount(owner, minlength=len(rows)),
            ids[order],
            np.concatenate([pool.counts[entries], counts])[order],
            np.concatenate([pool.numbers[entries], numbers])[order],
        )

    def restore(
        self, rows: Int, lengths: Int, ids: NDArray[Any], counts: NDArray[Any], numbers: Float
    ) -> None:
        """Give rows these entries, one row's behind the other's, each row's oldest first."""
        pool = self.pool
        pool.fit(counts)
        pool.resize(rows, lengths)
        pool.used[rows] = lengths
        place = spread(pool.start[rows].astype(np.int64), lengths)
        pool.ids[place], pool.counts[place], pool.numbers[place] = ids, counts, numbers

    def apply(
        self,
        entries: Int,
        rows: Int,
        times: Int,
        masks: list[Bool],
        values: list[Float | None],
    ) -> None:
        """Add events to their entries, in the order given.

        entries, rows, times: int64[n]. masks: for each selection bool[n], which events match and
        have a value where one is asked for. values: for each selection float64[n], or None.
        """
        np.maximum.at(self.newest, rows, times)
        for i, selection in enumerate(self.plan.firsts):
            chosen = masks[selection]
            np.minimum.at(self.first[:, i], rows[chosen], times[chosen].astype(np.float64))
        inside = entries != OUTSIDE
        if not inside.all():
            self._apply_before_ring(rows, times, ~inside, masks, values)
        for selection, mask in enumerate(masks):
            matching = np.flatnonzero(mask & inside)
            value = values[selection]
            known = None if value is None else value[matching]
            self._accumulate(selection, entries[matching], times[matching], known)

    def _accumulate(self, selection: int, entries: Int, times: Int, values: Float | None) -> None:
        for column in self.plan.columns:
            if column.selection != selection:
                continue
            if column.kind == "count":
                self.pool.count(entries, self._columns["count", selection])
                continue
            target = self.column(column.kind, selection)
            if column.kind == "last_time":
                held = self.holds("last_value", selection)
                last = self.column("last_value", selection) if held else None
                _keep_last(target, last, entries, times, values)
            elif values is not None and column.kind != "last_value":
                _UPDATES[column.kind](target, entries, values)

    def _apply_before_ring(
        self, rows: Int, times: Int, before: Bool, masks: list[Bool], values: list[Float | None]
    ) -> None:
        """An event older than the ring can still be the last one of its kind."""
        for i, selection in enumerate(self.plan.carried):
            chosen, value = np.flatnonzero(masks[selection] & before), values[selection]
            known = None if value is None else value[chosen]
            target = None if value is None else self.base_value[:, i]
            _keep_last(self.base_time[:, i], target, rows[chosen], times[chosen], known)

    # --- the end of the ring -----------------------------------------------------------------

    def settle(self, rows: Int) -> None:
        """Let go of panes that fell out of the rows' rings; rows must be all different."""
        pool = self.pool
        rows = rows[pool.used[rows] > 0]
        rows = rows[pool.ids[pool.start[rows]] < self.oldest_pane(rows)]
        if len(rows) == 0:
            return
        entries, lengths = pool.entries(rows)
        owner = owners(lengths)
        fallen = pool.ids[entries] < self.oldest_pane(rows)[owner]
        for i, selection in enumerate(self.plan.carried):
            self._carry(i, selection, rows, entries, owner, fallen)
        nothing = np.empty(0, dtype=np.int64)
        self._rebuild(rows, ~fallen, nothing, nothing)

    def _carry(
        self, i: int, selection: int, rows: Int, entries: Int, owner: Int, fallen: Bool
    ) -> None:
        times = self.column("last_time", selection)[entries]
        last = last_of(owner, fallen & (times > NEVER), len(rows))
        rows, last = rows[last >= 0], last[last >= 0]
        newer = times[last] > self.base_time[rows, i]
        rows, last = rows[newer], last[newer]
        self.base_time[rows, i] = times[last]
        if self.holds("last_value", selection):
            self.base_value[rows, i] = self.column("last_value", selection)[entries[last]]


def _keep_last(
    newest: Float, last: Float | None, places: Int, times: Int, values: Float | None
) -> None:
    """Newest event of each place; among equal times the one applied last."""
    at = times.astype(np.float64)
    order = np.argsort(at, kind="stable")
    order = order[at[order] >= newest[places[order]]]
    newest[places[order]] = at[order]  # of several assignments to one place the last one stays
    if last is not None and values is not None:
        last[places[order]] = values[order]


def _square_add(target: Float, entries: Int, values: Float) -> None:
    np.add.at(target, entries, values * values)


_UPDATES = {
    "sum": np.add.at,
    "sumsq": _square_add,
    "min": np.minimum.at,
    "max": np.maximum.at,
}
