"""One source of some users as of some times, and every aggregate of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.aggregates import BASELINE, PERIODIC
from models.features.baseline import baseline_ratio, baseline_z
from models.features.plan import SourcePlan, base_of
from models.features.ragged import last_of, owners
from models.features.rhythm import Rhythm
from models.features.values import number_of
from models.grid import NEVER, Bool, Float, Int, floor_to, pane_of
from models.spec import FeatureSpec
from models.state.slab import Slab


class SourceView:
    """One source of n users as of some times; windows are cut from it.

    Panes are held by entry: owner, ids: int64[e], which of the n users an entry belongs to, and
    its pane; a user's entries lie side by side, oldest first. Totals are added in that order.
    """

    def __init__(self, slab: Slab, plan: SourcePlan, rows: Int, as_of: Int) -> None:
        self.plan, self.rows, self.grid = plan, rows, slab.spec.grid
        self.ring, self.sketches = slab.rings[plan.source], slab.distinct[plan.source]
        self.known = as_of != NEVER
        floored = floor_to(as_of, self.grid)
        exact = self.ring.newest[rows] <= as_of
        self.effective = np.where(self.known, np.where(exact, as_of, floored), NEVER)
        self.floor = floored // self.grid
        self.high = np.where(exact, pane_of(as_of, self.grid) + 1, self.floor)
        self.entries, lengths = self.ring.pool.entries(rows)
        self.owner = owners(lengths)
        self.ids = self.ring.pool.ids[self.entries]
        self.before = self.ids < self.high[self.owner]
        self._inside: dict[int, Bool] = {}
        self._columns: dict[tuple[str, int], Float] = {}
        self._totals: dict[tuple[str, int, int], Float] = {}
        self._rhythms: dict[tuple[int, int, int], Rhythm] = {}

    def inside(self, window: int) -> Bool:
        """Which entries lie in the window, bool[e]."""
        if window not in self._inside:
            low = self.floor - window // self.grid
            self._inside[window] = self.before & (self.ids >= low[self.owner])
        return self._inside[window]

    def value(self, feature: FeatureSpec) -> Float:
        """A feature's values, float64[n], NaN where it is not defined."""
        if feature.agg in ("ratio", "trend", "share"):
            return self._compare(feature)
        selection = self.plan.selection(feature.where, feature.of, feature.unit)
        if feature.agg in ("last", "last_seen_age"):
            return self._last(feature.agg, selection)
        if feature.agg == "last_is":
            last = self._last("last", selection)
            asked = np.isin(last, [number_of(value) for value in feature.values])
            return np.where(np.isnan(last), np.nan, asked)
        if feature.agg == "last_due_in":
            return (self._last("last", selection) - self.effective) / 1e6
        if feature.agg == "first_seen_age":
            age = (self.effective - self._first(selection)) / 1e6
            return np.where(age >= 0, age, np.nan)
        assert feature.window is not None
        if feature.agg in BASELINE:
            return self._against_itself(feature, selection, feature.window)
        if feature.agg in PERIODIC:
            return self._regularity(feature, selection, feature.window)
        return self.window(feature.agg, selection, feature.window)

    def window(self, agg: str, selection: int, window: int) -> Float:
        """A windowed aggregate, float64[n]; NaN where it has no value over no events."""
        if agg in ("distinct", "due_in"):
            return self._sketched(agg, selection, window)
        if agg in ("count", "sum"):
            return self._total(agg, selection, window)
        if agg in ("min", "max"):
            return self._extreme(agg, selection, window)
        return self._moments(agg, selection, window)

    def _extreme(self, agg: str, selection: int, window: int) -> Float:
        inside = self.inside(window)
        found = np.full(len(self.rows), -np.inf if agg == "max" else np.inf)
        pick = np.maximum if agg == "max" else np.minimum
        pick.at(found, self.owner[inside], self._column(agg, selection)[inside])
        return np.where(np.isfinite(found), found, np.nan)

    def _moments(self, agg: str, selection: int, window: int) -> Float:
        count = self._total("count", selection, window)
        n = np.where(count > 0, count, np.nan)
        mean = self._total("sum", selection, window) / n
        if agg == "mean":
            return mean
        variance = self._total("sumsq", selection, window) / n - mean * mean
        return np.sqrt(np.maximum(variance, 0.0))

    def _compare(self, feature: FeatureSpec) -> Float:
        """Two totals: of two windows, or of some events and of all."""
        assert feature.window is not None
        selection = self.plan.selection(feature.where, feature.of)
        whole = self.plan.selection((), feature.of) if feature.agg == "share" else selection
        over = feature.over or feature.window
        part = self._total(base_of(feature), selection, feature.window)
        total = self._total(base_of(feature), whole, over)
        ratio = part / np.where(total != 0, total, np.nan)
        return ratio * (over / feature.window) if feature.agg == "trend" else ratio

    def _regularity(self, feature: FeatureSpec, selection: int, window: int) -> Float:
        """What follows from the active periods of a window; gaps in seconds."""
        assert feature.period is not None
        rhythm = self._rhythm(selection, window, feature.period)
        if feature.agg == "active_periods":
            return rhythm.active()
        if feature.agg in ("streak", "longest_streak"):
            return rhythm.streak() if feature.agg == "streak" else rhythm.longest_streak()
        gap = {"gap_std": rhythm.gap_std, "gap_max": rhythm.gap_max}.get(
            feature.agg, rhythm.gap_mean
        )() * (feature.period / 1e6)
        if feature.agg == "gap_ratio":
            return self._last("last_seen_age", selection) / gap
        return gap

    def _rhythm(self, selection: int, window: int, period: int) -> Rhythm:
        key = (selection, window, period)
        if key not in self._rhythms:
            active = self.inside(window) & (self._column("count", selection) > 0)
            owner = self.owner[active]
            back = self._back(owner, self.ids[active], period)
            self._rhythms[key] = Rhythm.of(owner, back, len(self.rows))
        return self._rhythms[key]

    def _back(self, owner: Int, ids: NDArray[np.int32], length: int) -> Int:
        """How many periods of this length before the as-of time panes lie; the head is in 0."""
        back: Int = (self.floor[owner] - 1 - ids) // (length // self.grid)
        return np.maximum(back, 0)

    def _against_itself(self, feature: FeatureSpec, selection: int, window: int) -> Float:
        assert feature.over is not None
        each = feature.over // window
        inside = self.inside(feature.over)
        owner = self.owner[inside]
        place = owner * each + self._back(owner, self.ids[inside], window)
        values = self._column(base_of(feature), selection)[inside]
        totals = np.bincount(place, weights=values, minlength=len(self.rows) * each)
        begins = (self.floor * self.grid)[:, None] - window * np.arange(2, each + 1)
        counted = begins >= self._first(selection)[:, None]
        compare = baseline_ratio if feature.agg == "baseline_ratio" else baseline_z
        return compare(totals.astype(np.float64, copy=False).reshape(-1, each), counted)

    def _first(self, selection: int) -> Float:
        """Time of the first event, float64[n]."""
        first: Float = self.ring.first[self.rows, self.plan.firsts.index(selection)]
        return first

    def _column(self, kind: str, selection: int) -> Float:
        if (kind, selection) not in self._columns:
            held: Float = self.ring.column(kind, selection)[self.entries]
            self._columns[kind, selection] = held
        return self._columns[kind, selection]

    def _total(self, kind: str, selection: int, window: int) -> Float:
        if (kind, selection, window) not in self._totals:
            parts = np.where(self.inside(window), self._column(kind, selection), 0.0)
            total = np.bincount(self.owner, weights=parts, minlength=len(self.rows))
            self._totals[kind, selection, window] = total.astype(np.float64, copy=False)
        return self._totals[kind, selection, window]

    def _last(self, agg: str, selection: int) -> Float:
        time, newest = self._newest(selection)
        if agg == "last_seen_age":
            age = (self.effective - time) / 1e6
            return np.where((time > NEVER) & (age >= 0), age, np.nan)
        value: Float = self.ring.base_value[self.rows, self.plan.carried.index(selection)]
        in_ring = np.flatnonzero(newest >= 0)
        value[in_ring] = self._column("last_value", selection)[newest[in_ring]]
        return np.where((time > NEVER) & (time <= self.effective), value, np.nan)

    def _newest(self, selection: int) -> tuple[Float, Int]:
        """Time of the last event, float64[n], and the entry that holds it (-1: before the ring)."""
        times = self._column("last_time", selection)
        newest = last_of(self.owner, self._eligible(times), len(self.rows))
        time = self._base_time(self.plan.carried.index(selection))
        in_ring = np.flatnonzero(newest >= 0)
        older = in_ring[times[newest[in_ring]] < time[in_ring]]
        newest[older] = -1
        in_ring = np.flatnonzero(newest >= 0)
        time[in_ring] = times[newest[in_ring]]
        return time, newest

    def _eligible(self, times: Float) -> Bool:
        """Which entries may hold the last event. times: of each entry's last one."""
        return self.before & (times > NEVER)

    def _base_time(self, i: int) -> Float:
        """Time of the last event before the ring, of a carried selection."""
        time: Float = self.ring.base_time[self.rows, i]
        return time

    def _sketched(self, agg: str, selection: int, window: int) -> Float:
        lows = self.floor - window // self.grid
        places = zip(self.rows.tolist(), lows.tolist(), self.high.tolist(), strict=True)
        if agg == "distinct":
            found = [self.sketches.count(selection, *place) for place in places]
            return np.array(found, dtype=np.float64)
        due = [
            self.sketches.after(selection, *place, now)
            for place, now in zip(places, self.effective.tolist(), strict=True)
        ]
        return (np.array(due, dtype=np.float64) - self.effective) / 1e6  # None becomes NaN
