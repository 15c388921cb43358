"""A source without intervals of wrong data: windows that touch one are masked, or use the rest.

An interval (begin, end] takes every pane with it that holds any moment of it up to the as-of time,
so panes cut by its edges are left out too. The *coverage* of a window is the share of its panes
that remain. ``mask``: a window with a coverage below 1 is not known. ``remaining``: from the
configured share on it is told from what remains:

- ``count`` and ``sum`` are divided by the coverage, so is each part of ``ratio`` and ``trend``: the
  expansion estimator (D. G. Horvitz, D. J. Thompson, A generalization of sampling without
  replacement from a finite universe, JASA 47, 1952), unbiased if what is missing is like the rest;
- ``mean``, ``std``, ``share``, ``min`` and ``max`` are those of the remaining panes;
- ``distinct``, ``due_in``, rhythms and baselines cannot be told from a part, and are not known.

Values without a window, in both ways: ``first_seen_age`` is not known where the first event lies in
an interval. ``last`` and its kin pass over panes whose newest event lies in one. Where an interval
lies behind the last good event, a newer one may have been in it: masked, or the last good value.

An interval takes nothing from users who entered behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.aggregates import BASELINE, WINDOWED
from models.features.plan import SourcePlan
from models.features.view import SourceView
from models.grid import NEVER, Bool, Float, Int
from models.spec import FeatureSpec, SourceSpec
from models.state.slab import Slab

Stretches = Sequence[tuple[int, int]]
"""(begin, end) of intervals of event time, begin < t <= end; apart from each other, ascending."""

_PARTIAL = frozenset({"count", "sum", "mean", "std", "min", "max", "ratio", "trend", "share"})
_SCALED = frozenset({"count", "sum", "ratio", "trend"})


class RemainingView(SourceView):
    """One source of n users as of some times, with intervals left out."""

    def __init__(
        self, slab: Slab, plan: SourcePlan, rows: Int, as_of: Int, stretches: Stretches
    ) -> None:
        super().__init__(slab, plan, rows, as_of)
        self._source: SourceSpec = slab.spec.sources[plan.source]
        self._stretches = stretches
        self._entered = slab.entered[rows]
        self._all = self.before
        parts = [self._in_panes(begin, end) for begin, end in stretches]
        self.before = self._all & ~np.logical_or.reduce(parts)
        self._concerned = [
            self._may_be_in(end, self._all & part)
            for (_, end), part in zip(stretches, parts, strict=True)
        ]
        self._shares: dict[int, Float] = {}

    def value(self, feature: FeatureSpec) -> Float:
        """A feature's values, float64[n], NaN where they are not defined or not known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = super().value(feature)
            if feature.agg in WINDOWED:
                value = self._windowed(feature, value)
        if feature.agg == "first_seen_age" or feature.agg in BASELINE:
            first = self._first(self.plan.selection(feature.where, feature.of, feature.unit))
            return np.where(self._inside_any(first), np.nan, value)
        if feature.agg not in WINDOWED and self._source.corrupt_windows == "mask":
            selection = self.plan.selection(feature.where, feature.of, feature.unit)
            return np.where(self._superseded(selection), np.nan, value)
        return value

    def touched(self, features: Sequence[FeatureSpec], *, lasting: bool = True) -> Bool:
        """Whether an interval took anything from any of these features, bool[n].

        lasting: values without a window count as well.
        """
        found = np.zeros(len(self.rows), dtype=np.bool_)
        for feature in features:
            selection = self.plan.selection(feature.where, feature.of, feature.unit)
            if feature.agg in WINDOWED:
                found |= self.coverage(max(feature.window or 0, feature.over or 0)) < 1.0
            if not lasting:
                continue
            if feature.agg == "first_seen_age" or feature.agg in BASELINE:
                found |= self._inside_any(self._first(selection))
            elif feature.agg not in WINDOWED:
                found |= self._superseded(selection)
        known: Bool = found & self.known
        return known

    def left(self, features: Sequence[FeatureSpec]) -> Float:
        """What remains of these features' windows where an interval took anything, float64[n].

        The smallest coverage of any window, 1 where only values without a window are concerned;
        NaN where nothing was taken.
        """
        windows = {
            size for f in features if f.agg in WINDOWED for size in (f.window, f.over) if size
        }
        least = np.ones(len(self.rows))
        for window in windows:
            least = np.minimum(least, self.coverage(window))
        return np.where(self.touched(features), least, np.nan)

    def coverage(self, window: int) -> Float:
        """Share of a window's panes that remain, float64[n]."""
        if window not in self._shares:
            low = self.floor - window // self.grid
            lost, reached = np.zeros(len(self.rows)), low
            for (begin, end), concerned in zip(self._stretches, self._concerned, strict=True):
                first = np.maximum(begin // self.grid, reached)
                last = np.minimum(-(-end // self.grid), self.high)
                last = np.where(concerned & (begin < self.effective), last, first)
                lost += np.maximum(last - first, 0)
                reached = np.maximum(reached, last)
            self._shares[window] = 1.0 - lost / np.maximum(self.high - low, 1)
        return self._shares[window]

    def _windowed(self, feature: FeatureSpec, value: Float) -> Float:
        assert feature.window is not None
        short = self.coverage(feature.window)
        long = short if feature.over is None else self.coverage(feature.over)
        least = np.minimum(short, long)
        if self._source.corrupt_windows == "mask" or feature.agg not in _PARTIAL:
            return np.where(least < 1.0, np.nan, value)
        if feature.agg in _SCALED:
            value = np.where(least < 1.0, value * self._scale(feature, short, long), value)
        return np.where(least < self._source.coverage, np.nan, value)

    def _scale(self, feature: FeatureSpec, short: Float, long: Float) -> Float:
        scale: Float = long / short if feature.over is not None else 1.0 / short
        return scale

    def _in_panes(self, begin: int, end: int) -> Bool:
        """Which entries' panes hold a moment of an interval that is not after the as-of time."""
        begins = self.ids.astype(np.int64) * self.grid
        ends = np.minimum(begins + self.grid, self.effective[self.owner])
        touched: Bool = (begin < ends) & (end > begins)
        return touched

    def _may_be_in(self, end: int, touched: Bool) -> Bool:
        """Of whom events may be, or be missing, in an interval, bool[n].

        Who had entered before its end, or has an event in a pane that it touches. Of those who
        came later it took nothing.
        """
        concerned: Bool = self._entered < end
        concerned[self.owner[touched]] = True
        return concerned

    def _inside_any(self, times: Float) -> Bool:
        inside = np.zeros(len(times), dtype=np.bool_)
        for begin, end in self._stretches:
            inside |= (times > begin) & (times <= end)
        return inside

    def _superseded(self, selection: int) -> Bool:
        """Where an interval lies behind the last good event."""
        time, _ = self._newest(selection)
        behind = np.full(len(self.rows), NEVER)
        for (begin, end), concerned in zip(self._stretches, self._concerned, strict=True):
            within = concerned & (begin < self.effective)
            behind = np.where(within, np.minimum(end, self.effective), behind)
        return time < behind

    def _eligible(self, times: Float) -> Bool:
        return self._all & (times > NEVER) & ~self._inside_any(times)

    def _base_time(self, i: int) -> Float:
        time = super()._base_time(i)
        return np.where(self._inside_any(time), float(NEVER), time)
