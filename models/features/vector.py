"""``features(user, {source: as_of})``: the ONE function from state to a feature vector.

Live scoring, training, backtests and batch scoring share it. Windows lie on the pane grid: an
as-of between grid points is exact at its head while no later event of the user has been applied
to the source (a sawtooth window, Chronon's term), otherwise it is floored to the grid. The
effective as-of is returned, because it stands on the score.
"""

from __future__ import annotations

import numpy as np

from models.features.plan import SourcePlan, base_of
from models.features.ragged import last_of, owners
from models.grid import NEVER, Bool, Float, Int, floor_to, pane_of
from models.spec import FeatureSpec
from models.state.slab import Slab

_DAY = 86_400_000_000
_THURSDAY = 3  # 1970-01-01, counted from Monday = 0
_SLICE = 4096


def features(slab: Slab, rows: Int, at: Int, as_of: Int) -> tuple[Float, Int]:
    """Feature vectors of users, each source as of its own time.

    rows, at: int64[n], slab rows and score times. as_of: int64[n, sources], NEVER = nothing is
    known of that source. Returns float64[n, features] (NaN = not known) and the effective
    as-of, int64[n, sources].
    """
    out = np.full((len(rows), len(slab.spec.features)), np.nan)
    effective = np.full_like(as_of, NEVER)
    for start in range(0, len(rows), _SLICE):
        part = slice(start, start + _SLICE)
        out[part], effective[part] = _features(slab, rows[part], at[part], as_of[part])
    return out, effective


def _features(slab: Slab, rows: Int, at: Int, as_of: Int) -> tuple[Float, Int]:
    out = np.full((len(rows), len(slab.spec.features)), np.nan)
    effective = np.full_like(as_of, NEVER)
    for source, plan in enumerate(slab.plan.sources):
        view = _SourceView(slab, plan, rows, as_of[:, source])
        effective[:, source] = view.effective
        for j in slab.plan.read[source]:
            out[:, j] = np.where(view.known, view.value(slab.spec.features[j]), np.nan)
    for j, feature in enumerate(slab.spec.features):
        if feature.source is None:
            out[:, j] = _context(slab, feature, rows, at)
    return out, effective


def _context(slab: Slab, feature: FeatureSpec, rows: Int, at: Int) -> Float:
    if feature.agg == "day_of_week":
        return ((at // _DAY + _THURSDAY) % 7).astype(np.float64)
    entered = slab.entered[rows]
    age = (at - entered).astype(np.float64) / 1e6
    return np.where((entered == NEVER) | (age < 0), np.nan, age)


class _SourceView:
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

    def inside(self, window: int) -> Bool:
        """Which entries lie in the window, bool[e]."""
        if window not in self._inside:
            low = self.floor - window // self.grid
            self._inside[window] = self.before & (self.ids >= low[self.owner])
        return self._inside[window]

    def value(self, feature: FeatureSpec) -> Float:
        """A feature's values, float64[n], NaN where it is not defined."""
        if feature.agg in ("ratio", "trend"):
            return self._compare(feature)
        selection = self.plan.selection(feature.where, feature.of)
        if feature.agg in ("last", "last_seen_age"):
            return self._last(feature.agg, selection)
        if feature.agg == "first_seen_age":
            first = self.ring.first[self.rows, self.plan.firsts.index(selection)]
            age = (self.effective - first) / 1e6
            return np.where(age >= 0, age, np.nan)
        assert feature.window is not None
        return self.window(feature.agg, selection, feature.window)

    def window(self, agg: str, selection: int, window: int) -> Float:
        """A windowed aggregate, float64[n]; NaN where it has no value over no events."""
        if agg == "distinct":
            return self._distinct(selection, window)
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
        assert feature.window is not None
        assert feature.over is not None
        selection = self.plan.selection(feature.where, feature.of)
        short = self.window(base_of(feature), selection, feature.window)
        long = self.window(base_of(feature), selection, feature.over)
        ratio = short / np.where(long != 0, long, np.nan)
        return ratio * (feature.over / feature.window) if feature.agg == "trend" else ratio

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
        i = self.plan.carried.index(selection)
        times = self._column("last_time", selection)
        newest = last_of(self.owner, self.before & (times > NEVER), len(self.rows))
        time: Float = self.ring.base_time[self.rows, i]
        in_ring = np.flatnonzero(newest >= 0)
        in_ring = in_ring[times[newest[in_ring]] >= time[in_ring]]
        newest = newest[in_ring]
        time[in_ring] = times[newest]
        if agg == "last_seen_age":
            age = (self.effective - time) / 1e6
            return np.where((time > NEVER) & (age >= 0), age, np.nan)
        value: Float = self.ring.base_value[self.rows, i]
        value[in_ring] = self._column("last_value", selection)[newest]
        return np.where((time > NEVER) & (time <= self.effective), value, np.nan)

    def _distinct(self, selection: int, window: int) -> Float:
        lows = self.floor - window // self.grid
        found = [
            self.sketches.count(selection, row, low, high)
            for row, low, high in zip(
                self.rows.tolist(), lows.tolist(), self.high.tolist(), strict=True
            )
        ]
        return np.array(found, dtype=np.float64)
