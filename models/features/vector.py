"""``features(user, {source: as_of})``: the ONE function from state to a feature vector.

Live scoring, training, backtests and batch scoring share it. Windows lie on the pane grid: an
as-of between grid points is exact at its head while no later event of the user has been applied
to the source (a sawtooth window, Chronon's term), otherwise it is floored to the grid. The
effective as-of is returned, because it stands on the score. Intervals in which a source's data is
wrong are left out (models.features.remaining).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.features.context import context
from models.features.plan import SourcePlan
from models.features.remaining import RemainingView, Stretches
from models.features.view import SourceView
from models.grid import NEVER, Bool, Float, Int
from models.state.slab import Slab

_SLICE = 4096


def features(
    slab: Slab, rows: Int, at: Int, as_of: Int, excluded: Sequence[Stretches] = ()
) -> tuple[Float, Int]:
    """Feature vectors of users, each source as of its own time.

    rows, at: int64[n], slab rows and score times. as_of: int64[n, sources], NEVER = nothing is
    known of that source. excluded: for each source the intervals to leave out, () = there are
    none at all. Returns float64[n, features] (NaN = not known) and the effective
    as-of, int64[n, sources].
    """
    out = np.full((len(rows), len(slab.spec.features)), np.nan)
    effective = np.full_like(as_of, NEVER)
    for start in range(0, len(rows), _SLICE):
        part = slice(start, start + _SLICE)
        out[part], effective[part] = _features(slab, rows[part], at[part], as_of[part], excluded)
    return out, effective


def source_features(
    slab: Slab, source: int, rows: Int, as_of: Int, excluded: Sequence[Stretches] = ()
) -> tuple[Float, Int]:
    """One source's part of :func:`features`; as_of: int64[n].

    Returns float64[n, features that are read from it] and its effective as-of, int64[n].
    """
    read = slab.plan.read[source]
    out, effective = np.empty((len(rows), len(read))), np.empty_like(as_of)
    for start in range(0, len(rows), _SLICE):
        part = slice(start, start + _SLICE)
        stretches = excluded[source] if excluded else ()
        view = _view(slab, slab.plan.sources[source], rows[part], as_of[part], stretches)
        effective[part] = view.effective
        for k, j in enumerate(read):
            value = view.value(slab.spec.features[j])
            out[part, k] = np.where(view.known, value, np.nan)
    return out, effective


def touched(
    slab: Slab, rows: Int, as_of: Int, excluded: Sequence[Stretches], *, lasting: bool = True
) -> Bool:
    """Whether intervals took anything from a user's features of a source, bool[n, sources].

    Arguments as of :func:`features`. lasting: values of the whole past, without a window, count.
    """
    found = np.zeros(as_of.shape, dtype=np.bool_)
    for source, plan in enumerate(slab.plan.sources):
        if excluded and excluded[source]:
            view = RemainingView(slab, plan, rows, as_of[:, source], excluded[source])
            own = [slab.spec.features[j] for j in slab.plan.read[source]]
            found[:, source] = view.touched(own, lasting=lasting)
    return found


def remaining(slab: Slab, rows: Int, as_of: Int, excluded: Sequence[Stretches]) -> Float:
    """Share of the windows that intervals left, float64[n, sources], NaN where they took nothing.

    Of each source the smallest of its features' windows. Arguments as of :func:`features`.
    """
    found = np.full(as_of.shape, np.nan)
    for source, plan in enumerate(slab.plan.sources):
        if excluded[source]:
            view = RemainingView(slab, plan, rows, as_of[:, source], excluded[source])
            own = [slab.spec.features[j] for j in slab.plan.read[source]]
            found[:, source] = view.left(own)
    return found


def _features(
    slab: Slab, rows: Int, at: Int, as_of: Int, excluded: Sequence[Stretches]
) -> tuple[Float, Int]:
    out = np.full((len(rows), len(slab.spec.features)), np.nan)
    effective = np.full_like(as_of, NEVER)
    for source, plan in enumerate(slab.plan.sources):
        view = _view(slab, plan, rows, as_of[:, source], excluded[source] if excluded else ())
        effective[:, source] = view.effective
        for j in slab.plan.read[source]:
            out[:, j] = np.where(view.known, view.value(slab.spec.features[j]), np.nan)
    for j, feature in enumerate(slab.spec.features):
        if feature.source is None:
            out[:, j] = context(feature, slab.entered[rows], at)
    return out, effective


def _view(slab: Slab, plan: SourcePlan, rows: Int, as_of: Int, stretches: Stretches) -> SourceView:
    if stretches:
        return RemainingView(slab, plan, rows, as_of, stretches)
    return SourceView(slab, plan, rows, as_of)
