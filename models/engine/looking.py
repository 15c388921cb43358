"""Looking at users: what is known of them at their times, and as of those that policies ask for.

Their state may move on behind a look, so everything that depends on it is read here, once. Users
whose sources are all fresh are read once; only the others are read as of further times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features.remaining import Stretches
from models.features.vector import features, remaining, source_features
from models.grid import NEVER, Bool, Float, Int
from models.learning.told_policies import Policies
from models.spec import Spec
from models.staleness.ages import BEYOND, bucket_of
from models.staleness.health import FRESH, Codes
from models.staleness.policy import (
    CONSISTENT,
    LAG_TRAINED,
    LEARNED,
    REMAINING,
    consistent,
    followed,
    latest,
    policies_of,
    treated,
)
from models.state.cuts import NOT_STALE
from models.state.slab import Slab

NO_MODEL = -1


@dataclass(frozen=True, slots=True)
class Variant:
    """The stale rows as a policy reads them.

    matrix: float64[m, features]. as_of: int64[m, sources], effective. lag_model: int64[m], place in
    ``Policies.lagged`` of the model that fits the lags, or NO_MODEL.
    """

    matrix: Float
    as_of: Int
    lag_model: Int


@dataclass(frozen=True, slots=True)
class StaleRows:
    """Those m users of a look of whom a source that is read is not fresh.

    index: int64[m], which rows. ages: int64[m, sources], bucket of each stale source's age, else
    NOT_STALE. behind: int64[m, sources], time since what is known of it. unknown: bool[m,
    sources], stale, and nothing is known. variants: by policy (its place in POLICIES).
    """

    index: Int
    ages: Int
    behind: Int
    unknown: Bool
    variants: Mapping[int, Variant]

    @property
    def stale(self) -> Bool:
        """Which sources are stale, bool[m, sources]."""
        stale: Bool = self.ages != NOT_STALE
        return stale

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, StaleRows]]) -> StaleRows:
        """Of several looks, each with the number of rows before it."""
        rows = [part for _, part in parts]
        return cls(
            np.concatenate([part.index + before for before, part in parts]),
            _joined(rows, "ages"),
            _joined(rows, "behind"),
            _joined(rows, "unknown"),
            {
                policy: _variants([part.variants[policy] for part in rows])
                for policy in rows[0].variants
            },
        )


def _joined(parts: Sequence[Any], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])


def _variants(parts: Sequence[Variant]) -> Variant:
    return Variant(*(_joined(parts, name) for name in ("matrix", "as_of", "lag_model")))


@dataclass(frozen=True, slots=True)
class Looks:
    """Users looked at, at their times; every array has one row a user.

    at: int64[n]. watermarks: int64[n, sources], NEVER = none yet. matrix: float64[n, features].
    as_of: int64[n, sources], effective. All as the policy ``latest`` has it. stale: None where all
    that is read is fresh. coverage: float64[n, sources], share of the windows that remain without
    wrong data, NaN where there was none in them; None where there is none anywhere.
    """

    rows: Int
    at: Int
    watermarks: Int
    matrix: Float
    as_of: Int
    health: Codes
    treatment: Codes
    stale: StaleRows | None
    coverage: Float | None

    @classmethod
    def joined(cls, looks: Sequence[Looks]) -> Looks:
        """All of them as one."""
        if len(looks) == 1:
            return looks[0]
        names = [field.name for field in fields(cls) if field.name not in ("stale", "coverage")]
        columns = {name: np.concatenate([getattr(one, name) for one in looks]) for name in names}
        before = np.cumsum([0, *(len(one.rows) for one in looks)]).tolist()
        stale = [(n, one.stale) for n, one in zip(before, looks, strict=False) if one.stale]
        return cls(
            **columns,
            stale=StaleRows.joined(stale) if stale else None,
            coverage=_coverages(looks),
        )


def _coverages(looks: Sequence[Looks]) -> Float | None:
    if all(one.coverage is None for one in looks):
        return None
    nothing = [np.full(one.as_of.shape, np.nan) for one in looks]
    parts = zip(looks, nothing, strict=True)
    return np.concatenate([none if one.coverage is None else one.coverage for one, none in parts])


def look(
    slab: Slab,
    rows: Int,
    at: Int,
    watermarks: Int,
    health: Codes,
    policies: Policies | None = None,
    excluded: Sequence[Stretches] = (),
) -> Looks:
    """What is known of users at their times.

    health: uint8[n, sources]. policies: of the snapshot that is going to score them. excluded: see
    :func:`models.features.vector.features`.
    """
    wanted, treatment = latest(at, watermarks, health), treated(health)
    matrix, as_of = features(slab, rows, at, wanted, excluded)
    left = remaining(slab, rows, wanted, excluded) if excluded else None
    if left is not None:
        treatment[~np.isnan(left)] = REMAINING
    looks = Looks(rows, at, watermarks, matrix, as_of, health, treatment, stale=None, coverage=left)
    stale = (health != FRESH) & _read(slab)
    chosen = np.flatnonzero(stale.any(axis=1))
    if len(chosen) == 0:
        return looks
    reader = _Reader(slab, looks, chosen, excluded)
    found = _stale_rows(reader, stale[chosen], wanted[chosen], policies)
    return replace(looks, stale=found)


def asked(spec: Spec) -> tuple[int, ...]:
    """Policies that are followed, or weighed, where a source is stale."""
    own = policies_of(spec)
    return tuple(range(LEARNED)) if (own == LEARNED).any() else tuple(np.unique(own).tolist())


def _read(slab: Slab) -> Bool:
    """Which sources features are read from."""
    return np.array([bool(read) for read in slab.plan.read], dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the rows ``index`` of a look again, as of other times."""

    slab: Slab
    looks: Looks
    index: Int
    excluded: Sequence[Stretches]

    def variant(self, wanted: Int, moved: Bool, model: Int) -> Variant:
        """Rows as of other times; sources that have not moved are as they were.

        wanted: int64[m, sources]. moved: bool[m, sources].
        """
        looks = self.looks
        matrix, as_of = looks.matrix[self.index], looks.as_of[self.index]
        for s in np.flatnonzero(moved.any(axis=0)).tolist():
            again = np.flatnonzero(moved[:, s])
            rows, times = looks.rows[self.index[again]], wanted[again, s]
            values, as_of[again, s] = source_features(self.slab, s, rows, times, self.excluded)
            matrix[np.ix_(again, np.array(self.slab.plan.read[s], dtype=np.intp))] = values
        return Variant(matrix, as_of, model)


def _stale_rows(reader: _Reader, stale: Bool, as_of: Int, policies: Policies | None) -> StaleRows:
    """as_of: int64[m, sources], as ``latest`` reads them."""
    spec, at = reader.slab.spec, reader.looks.at[reader.index]
    unknown = as_of == NEVER
    behind = np.where(unknown, 0, at[:, None] - as_of)
    ages = np.where(unknown, BEYOND, bucket_of(spec, behind))
    own, lags = policies_of(spec), lags_held(spec, policies)
    variants = {}
    for policy in asked(spec):
        follows = followed(own, policy, stale)
        model = lag_models(lags, behind, unknown, follows == LAG_TRAINED)
        wanted = _wanted(at, as_of, follows, lags, model)
        variants[policy] = reader.variant(wanted, wanted != as_of, model)
    ages = np.where(stale, ages, NOT_STALE)
    return StaleRows(reader.index, ages, behind, unknown & stale, variants)


def _wanted(at: Int, as_of: Int, follows: Int, lags: Int, model: Int) -> Int:
    """As-of times of the stale rows whose sources follow these policies, int64[m, sources]."""
    if len(lags):
        fits = (follows == LAG_TRAINED) & (model != NO_MODEL)[:, None]
        as_of = np.where(fits, at[:, None] - lags[model], as_of)
    together = (follows == CONSISTENT).any(axis=1)
    return np.where(together[:, None], consistent(as_of), as_of)


def lags_held(spec: Spec, policies: Policies | None) -> Int:
    """Lag of each source in each of the snapshot's models, int64[models, sources]."""
    held = policies.lagged if policies is not None else ()
    names = [source.name for source in spec.sources]
    found = np.zeros((len(held), len(names)), dtype=np.int64)
    for row, one in zip(found, held, strict=True):
        for source, lag in one.lags:
            if one.form is not None and source in names:
                row[names.index(source)] = lag
    return found


def lag_models(lags: Int, behind: Int, unknown: Bool, lagged: Bool) -> Int:
    """The model with the smallest lags that cover the sources that ask for one, and no other.

    lags: int64[models, sources]. behind: int64[m, sources]; a source that is silent, and yet not
    behind, needs no lag. lagged: bool[m, sources]. Returns int64[m], or NO_MODEL.
    """
    lagged = lagged & ((behind > 0) | unknown)
    best = np.full(len(behind), NO_MODEL, dtype=np.int64)
    total = lags.sum(axis=1)
    for number in np.argsort(-total, kind="stable").tolist():
        covers = ~lagged | ((lags[number] >= behind) & ~unknown)
        fits = (((lags[number] > 0) == lagged) & covers).all(axis=1)
        best[fits & lagged.any(axis=1)] = number
    return best
