"""From declared features to what is stored: the aggregate columns of each source.

A *selection* is what a feature looks at: the events of a source that match ``where``, and the
field ``of`` of them. Features that share a selection share its columns. A column holds one
mergeable partial aggregate for each pane; averages and deviations are never stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.aggregates import BASELINE, PERIODIC, WINDOWED, DateUnit
from models.grid import NEVER
from models.spec import FeatureSpec, Spec
from schemas.events import hash_text

Where = tuple[tuple[str, tuple[str | float | bool, ...]], ...]

INITIAL: dict[str, float] = {
    "count": 0.0,
    "sum": 0.0,
    "sumsq": 0.0,
    "min": np.inf,
    "max": -np.inf,
    "last_time": float(NEVER),
    "last_value": np.nan,
}
"""Value of each partial aggregate over no events (the identity of its merge)."""

NEEDS: dict[str, tuple[str, ...]] = {
    "count": ("count",),
    "sum": ("sum",),
    "mean": ("count", "sum"),
    "std": ("count", "sum", "sumsq"),
    "min": ("min",),
    "max": ("max",),
    "last": ("last_time", "last_value"),
    "last_is": ("last_time", "last_value"),
    "last_due_in": ("last_time", "last_value"),
    "last_seen_age": ("last_time",),
    "first_seen_age": (),
    "distinct": (),
    "due_in": (),
}
"""Partial aggregates that each declared aggregate is made from."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events (``where``) and which number of them (``of``; None = the event itself).

    unit: where the number is a date, how it is written.
    """

    where: Where
    of: str | None
    unit: DateUnit | None = None

    @property
    def where_hashed(self) -> tuple[tuple[str, tuple[float | int, ...]], ...]:
        """``where`` with texts as their 64-bit hashes, as decoded columns hold them."""
        return tuple(
            (name, tuple(hash_text(v) if isinstance(v, str) else float(v) for v in values))
            for name, values in self.where
        )


@dataclass(frozen=True, slots=True)
class Column:
    """One partial aggregate of one selection, at ``index`` of the ring's last axis."""

    kind: str
    selection: int
    index: int


@dataclass(slots=True)
class SourcePlan:
    """What is kept for one source.

    selections: what is looked at. columns: partial aggregates in each pane. carried: selections
    with a ``last`` whose value for the time before the oldest pane is carried. firsts:
    selections whose first event time is kept. distinct: selections with a distinct sketch
    (of hashes, or of dates).
    """

    source: int
    selections: list[Selection] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    carried: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    distinct: list[int] = field(default_factory=list)

    def selection(self, where: Where, of: str | None, unit: DateUnit | None = None) -> int:
        """Index of a selection, added when new."""
        wanted = Selection(where, of, unit)
        if wanted not in self.selections:
            self.selections.append(wanted)
        return self.selections.index(wanted)

    def column(self, kind: str, selection: int) -> int:
        """Index of a column, added when new."""
        for column in self.columns:
            if (column.kind, column.selection) == (kind, selection):
                return column.index
        self.columns.append(Column(kind, selection, len(self.columns)))
        return len(self.columns) - 1

    def require(self, agg: str, where: Where, of: str | None, unit: DateUnit | None = None) -> int:
        """Make sure that aggregate ``agg`` of a selection can be computed; its selection."""
        selection = self.selection(where, of, unit)
        for kind in NEEDS[agg]:
            self.column(kind, selection)
        kept = {"first_seen_age": self.firsts, "distinct": self.distinct, "due_in": self.distinct}
        wanted = self.carried if "last_time" in NEEDS[agg] else kept.get(agg)
        if wanted is not None and selection not in wanted:
            wanted.append(selection)
        return selection

    def remembers(self, selection: int) -> bool:
        """Whether the last value of a selection is kept."""
        return any(c.kind == "last_value" and c.selection == selection for c in self.columns)

    @property
    def counts(self) -> list[Column]:
        """Columns of whole numbers, in their order there."""
        return [column for column in self.columns if column.kind == "count"]

    @property
    def numbers(self) -> list[Column]:
        """The other columns, in their order there."""
        return [column for column in self.columns if column.kind != "count"]

    @property
    def initial_numbers(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """``numbers`` of one empty pane."""
        return np.array([INITIAL[column.kind] for column in self.numbers], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is kept for all sources, and how far back.

    panes: length of a ring. read: for each source the features that are read from it.
    label_counts: for inactivity labels, (source, selection) of each
    label source whose events are counted.
    """

    spec: Spec
    sources: tuple[SourcePlan, ...]
    panes: int
    label_counts: tuple[tuple[int, int], ...]
    read: tuple[tuple[int, ...], ...]


_COMPARING = BASELINE | {"ratio", "trend", "share"}


def base_of(feature: FeatureSpec) -> str:
    """The aggregate that a feature's windows hold (``ratio``, say, compares two of them)."""
    if feature.agg in _COMPARING:
        return "sum" if feature.of is not None else "count"
    return "count" if feature.agg in PERIODIC else feature.agg


def _parts(feature: FeatureSpec) -> list[tuple[str, Where]]:
    """Aggregates, and of which events, that a feature is made from."""
    parts = [(base_of(feature), feature.where)]
    if feature.agg == "share":
        parts.append((base_of(feature), ()))
    if feature.agg == "gap_ratio":
        parts.append(("last_seen_age", feature.where))
    if feature.agg in BASELINE:
        parts.append(("first_seen_age", feature.where))
    return parts


def reach(spec: Spec) -> int:
    """How far back in event time panes may still be needed, in microseconds.

    The longest window, before a cut that is completed only after horizon, delays and limit, as of
    the longest lag before it.
    """
    windows = [f.over or f.window or 0 for f in spec.features if f.agg in WINDOWED]
    windows.append(spec.labels.within or 0)
    delay = max((s.max_delay + s.out_of_orderness for s in spec.sources), default=0)
    learning = spec.learning.complete_within + spec.learning.every
    lag = spec.longest_lag if spec.learns_lags else 0
    return max(windows) + spec.labels.horizon + delay + learning + spec.max_future + lag


def lifetime(spec: Spec) -> int:
    """How long state is kept after the newest event of a user who is gone, in microseconds.

    Longer than windows and labels reach back, than repeats of an event may come, and than the
    next cut, which notices that the user is gone, is away.
    """
    lateness = max((s.allowed_lateness for s in spec.sources), default=0)
    return reach(spec) + lateness + spec.cuts.every


def make_plan(spec: Spec) -> Plan:
    """Lay out the columns of every source for the features and the label rule."""
    sources = tuple(SourcePlan(i) for i in range(len(spec.sources)))
    for feature in spec.features:
        if feature.source is not None:
            plan = sources[spec.source_index(feature.source)]
            for agg, where in _parts(feature):
                plan.require(agg, where, feature.of, feature.unit)
    counts: list[tuple[int, int]] = []
    if spec.labels.rule == "inactivity":
        for name in spec.labels.sources:
            index = spec.source_index(name)
            counts.append((index, sources[index].require("count", (), None)))
    panes = -(-reach(spec) // spec.grid) + 2
    read = tuple(
        tuple(j for j, feature in enumerate(spec.features) if feature.source == source.name)
        for source in spec.sources
    )
    return Plan(spec, sources, panes, tuple(counts), read)
