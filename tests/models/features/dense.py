"""The simple form of models.features.panes: every user has a slot for each pane of the ring.

A user's ring has ``panes`` slots; pane k lives in slot ``k % panes`` and the slot remembers which
pane it holds. A newer pane takes over its slot; what must outlive it (the last value) moves to
the carried base first. Adding is sequential within a column (``ufunc.at``), so that the result
does not depend on how records were cut into batches, to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features.plan import INITIAL, SourcePlan
from models.grid import NEVER, Bool, Float, Int, pane_of

EMPTY = -(2**31)
"""Pane number of a slot that holds nothing."""


class DenseRing:
    """Aggregates of one source for ``rows`` users.

    ids: int32[rows, panes], the pane in each slot. data: float64[rows, panes, columns].
    newest: int64[rows], newest event time applied. first: float64[rows, firsts], first event
    time of each kept selection. base_time, base_value: float64[rows, carried], the last event
    of each carried selection that lies before the ring.
    """

    def __init__(self, plan: SourcePlan, grid: int, panes: int, rows: int) -> None:
        self.plan = plan
        self.grid = grid
        self.panes = panes
        self._initial = np.array([INITIAL[c.kind] for c in plan.columns])
        self._last_columns = [
            (plan.column("last_time", s), self._value_column(plan, s)) for s in plan.carried
        ]
        self.ids: NDArray[np.int32] = np.empty((0, panes), dtype=np.int32)
        self.data: Float = np.empty((0, panes, len(plan.columns)))
        self.newest: Int = np.empty(0, dtype=np.int64)
        self.first: Float = np.empty((0, len(plan.firsts)))
        self.base_time: Float = np.empty((0, len(plan.carried)))
        self.base_value: Float = np.empty((0, len(plan.carried)))
        self.grow(rows)

    @staticmethod
    def _value_column(plan: SourcePlan, selection: int) -> int | None:
        for column in plan.columns:
            if (column.kind, column.selection) == ("last_value", selection):
                return column.index
        return None

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` users; the new ones are empty."""
        old = len(self.ids)
        self.ids = _extend(self.ids, rows)
        self.data = _extend(self.data, rows)
        self.newest = _extend(self.newest, rows)
        self.first = _extend(self.first, rows)
        self.base_time = _extend(self.base_time, rows)
        self.base_value = _extend(self.base_value, rows)
        self.clear(np.arange(old, rows))

    def clear(self, rows: Int) -> None:
        """Empty the rows."""
        self.ids[rows] = EMPTY
        self.data[rows] = self._initial
        self.newest[rows] = NEVER
        self.first[rows] = float(-NEVER)
        self.base_time[rows] = float(NEVER)
        self.base_value[rows] = np.nan

    def add(self, rows: Int, times: Int, masks: list[Bool], values: list[Float | None]) -> None:
        """Apply events, in the order given.

        rows, times: int64[n]. masks: for each selection bool[n], which events match.
        values: for each selection float64[n], the field it is of (NaN = not known), or None.
        """
        if len(rows) == 0:
            return
        np.maximum.at(self.newest, rows, times)
        for i, selection in enumerate(self.plan.firsts):
            chosen = masks[selection]
            np.minimum.at(self.first[:, i], rows[chosen], times[chosen].astype(np.float64))
        self._add_panes(rows, times, pane_of(times, self.grid), masks, values)

    def _add_panes(
        self, rows: Int, times: Int, panes: Int, masks: list[Bool], values: list[Float | None]
    ) -> None:
        flat = rows * self.panes + panes % self.panes
        if _shares_slot(flat, panes) and len(flat) > 1:
            half = len(flat) // 2
            for part in (slice(None, half), slice(half, None)):
                self._add_panes(
                    rows[part],
                    times[part],
                    panes[part],
                    [m[part] for m in masks],
                    [None if v is None else v[part] for v in values],
                )
            return
        inside = panes >= self.ids.reshape(-1)[flat]
        self._take_over(flat[inside], panes[inside])
        self._accumulate(flat, times, inside, masks, values)
        if not inside.all():
            self._add_before_ring(rows, times, ~inside, masks, values)

    def _flat_data(self) -> Float:
        """The aggregates, one row a slot (a view)."""
        rows, panes, columns = self.data.shape
        return self.data.reshape(rows * panes, columns)

    def _take_over(self, flat: Int, panes: Int) -> None:
        """Give slots to newer panes; what they held last moves to the base."""
        ids = self.ids.reshape(-1)
        changed = ids[flat] != panes
        slots, where = np.unique(flat[changed], return_index=True)
        if len(slots) == 0:
            return
        data = self._flat_data()
        held = slots[ids[slots] != EMPTY]
        for i, (time_column, value_column) in enumerate(self._last_columns):
            self._carry(i, held // self.panes, data[held], time_column, value_column)
        ids[slots] = panes[changed][where]
        data[slots] = self._initial

    def _carry(self, i: int, rows: Int, data: Float, time: int, value: int | None) -> None:
        order = np.argsort(data[:, time], kind="stable")
        rows, data = rows[order], data[order]
        newer = data[:, time] > self.base_time[rows, i]
        self.base_time[rows[newer], i] = data[newer, time]
        if value is not None:
            self.base_value[rows[newer], i] = data[newer, value]

    def _accumulate(
        self, flat: Int, times: Int, inside: Bool, masks: list[Bool], values: list[Float | None]
    ) -> None:
        data = self._flat_data()
        known = [_known(m & inside, v) for m, v in zip(masks, values, strict=True)]
        for column in self.plan.columns:
            chosen, value = known[column.selection], values[column.selection]
            target, slots = data[:, column.index], flat[chosen]
            if column.kind == "count":
                np.add.at(target, slots, 1.0)
            elif column.kind == "last_time":
                self._keep_last(column.selection, column.index, data, slots, times, chosen, value)
            elif value is not None and column.kind != "last_value":
                _UPDATES[column.kind](target, slots, value[chosen])

    def _keep_last(
        self,
        selection: int,
        time_column: int,
        data: Float,
        slots: Int,
        times: Int,
        chosen: Bool,
        value: Float | None,
    ) -> None:
        """Newest event of each slot; among equal times the one applied last."""
        at = times[chosen].astype(np.float64)
        order = np.lexsort((at, slots))
        slots_sorted = slots[order]
        final = np.append(slots_sorted[1:] != slots_sorted[:-1], True)[: len(order)]
        winners = order[final]
        winners = winners[at[winners] >= data[slots[winners], time_column]]
        data[slots[winners], time_column] = at[winners]
        value_column = self._value_column(self.plan, selection)
        if value_column is not None and value is not None:
            data[slots[winners], value_column] = value[chosen][winners]

    def _add_before_ring(
        self,
        rows: Int,
        times: Int,
        before: Bool,
        masks: list[Bool],
        values: list[Float | None],
    ) -> None:
        """An event older than the ring can still be the last one of its kind."""
        for i, selection in enumerate(self.plan.carried):
            value = values[selection]
            for n in np.flatnonzero(_known(masks[selection] & before, value)):
                if times[n] >= self.base_time[rows[n], i]:
                    self.base_time[rows[n], i] = times[n]
                    if value is not None:
                        self.base_value[rows[n], i] = value[n]


def _square_add(target: Float, slots: Int, values: Float) -> None:
    np.add.at(target, slots, values * values)


_UPDATES = {
    "sum": np.add.at,
    "sumsq": _square_add,
    "min": np.minimum.at,
    "max": np.maximum.at,
}


def _known(mask: Bool, values: Float | None) -> Bool:
    return mask if values is None else mask & ~np.isnan(values)


def _shares_slot(flat: Int, panes: Int) -> bool:
    """Whether two different panes of one user want the same slot."""
    order = np.argsort(flat, kind="stable")
    slots, held = flat[order], panes[order]
    return bool(np.any((slots[1:] == slots[:-1]) & (held[1:] != held[:-1])))


def _extend(array: NDArray[Any], rows: int) -> NDArray[Any]:
    grown = np.empty((rows, *array.shape[1:]), dtype=array.dtype)
    grown[: len(array)] = array
    return grown
