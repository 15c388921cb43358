"""What would be said of examples if a source were late: the policy in force, asked about them.

An example carries every source as it was a drawn lag before the cut (``completing``), by the same
as-of function as a source that is late is read. So users can be put as they would have been
scored, without their events. What an example does not carry is not made up: a model with a lag is
asked only where the source as of that lag is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.looking import (
    NO_MODEL,
    Looks,
    StaleRows,
    Variant,
    asked,
    lag_models,
    lags_held,
)
from models.engine.weighing import score
from models.grid import NEVER, Bool, Float, Int
from models.learning.scorer import Scorer, as_matrix
from models.learning.told_policies import columns_of
from models.spec import Spec
from models.staleness.ages import bucket_of
from models.staleness.health import FRESH, STALLED
from models.staleness.policy import CONSISTENT, LAG_TRAINED, followed, policies_of, treated
from models.state.cuts import NOT_STALE
from schemas.examples import Example


@dataclass(frozen=True, slots=True)
class Imagined:
    """Those m examples of which it can be told.

    index: int64[m], places among the examples. bucket: int64[m], of the lag, µs. said: float64[m].
    matrix: float64[m, features], with the source as of the lag.
    """

    index: Int
    bucket: Int
    said: Float
    matrix: Float


def if_late(spec: Spec, scorer: Scorer, examples: Sequence[Example], source: str) -> Imagined:
    """What the policy in force would say with one source late by each example's drawn lag.

    Lags that would not count as late (``stale_after``) are left out.
    """
    least = spec.sources[spec.source_index(source)].stale_after
    index = [
        i
        for i, one in enumerate(examples)
        if one.paired is not None
        and one.paired[0] > least
        and str(one.paired[0]) in one.lagged.get(source, {})
    ]
    if not index:
        nothing = np.empty(0, dtype=np.int64)
        return Imagined(nothing, nothing, np.empty(0), np.empty((0, len(spec.features))))
    rows = _Rows.of(spec, [examples[i] for i in index], source)
    scored = score(spec, [rows.looks(scorer)], scorer)
    bucket = bucket_of(spec, rows.lag)
    return Imagined(np.array(index, dtype=np.int64), bucket, scored.probability, scored.matrix)


@dataclass(frozen=True, slots=True)
class _Rows:
    """m examples, and the source (its place) that is to be late by ``lag``, int64[m].

    complete, as_of: float64[m, features], int64[m, sources], as it was with nothing late.
    """

    spec: Spec
    examples: Sequence[Example]
    source: int
    lag: Int
    complete: Float
    as_of: Int

    @classmethod
    def of(cls, spec: Spec, examples: Sequence[Example], source: str) -> _Rows:
        lag = [one.paired[0] for one in examples if one.paired is not None]
        known = [
            [one.complete_as_of.get(declared.name) for declared in spec.sources] for one in examples
        ]
        as_of = [[NEVER if time is None else time for time in row] for row in known]
        return cls(
            spec,
            examples,
            spec.source_index(source),
            np.array(lag, dtype=np.int64),
            as_matrix([f.name for f in spec.features], [one.complete for one in examples]),
            np.array(as_of, dtype=np.int64),
        )

    def looks(self, scorer: Scorer) -> Looks:
        """As they would be looked at."""
        shape, s = self.as_of.shape, self.source
        at = np.array([one.time for one in self.examples], dtype=np.int64)
        health = np.full(shape, FRESH, dtype=np.uint8)
        health[:, s] = STALLED
        behind = np.zeros(shape, dtype=np.int64)
        behind[:, s] = self.lag
        ages = np.full(shape, NOT_STALE, dtype=np.int64)
        ages[:, s] = bucket_of(self.spec, self.lag)
        as_of, matrix = self.as_of.copy(), self._as_of(self.lag, [s])
        as_of[:, s] = at - self.lag
        index, unknown = np.arange(len(at)), np.zeros(shape, dtype=np.bool_)
        variants = self._variants(scorer, behind, matrix, as_of)
        return Looks(
            rows=index,
            at=at,
            watermarks=as_of,
            matrix=matrix,
            as_of=as_of,
            health=health,
            treatment=treated(health),
            stale=StaleRows(index, ages, behind, unknown, variants),
            coverage=None,
        )

    def _variants(
        self, scorer: Scorer, behind: Int, latest: Float, as_of: Int
    ) -> dict[int, Variant]:
        spec, stale = self.spec, behind > 0
        own, lags = policies_of(spec), lags_held(spec, scorer.policies)
        everything = list(range(len(spec.sources)))
        found = {}
        for policy in asked(spec):
            follows = followed(own, policy, stale)
            model = lag_models(lags, behind, np.zeros_like(stale), follows == LAG_TRAINED)
            together = (follows == CONSISTENT).any(axis=1)
            matrix = np.where(together[:, None], self._as_of(self.lag, everything), latest)
            for number in np.unique(model[model != NO_MODEL]).tolist():
                wanted = model == number
                carried = self._carried(int(lags[number, self.source]))
                model[wanted & ~carried] = NO_MODEL
                chosen = wanted & carried
                shifted = np.full(len(model), lags[number, self.source])
                matrix[chosen] = self._as_of(shifted, [self.source])[chosen]
            found[policy] = Variant(matrix, as_of, model)
        return found

    def _carried(self, lag: int) -> Bool:
        """Which examples carry the source as of a lag, bool[m]."""
        name = self.spec.sources[self.source].name
        return np.array([str(lag) in one.lagged.get(name, {}) for one in self.examples])

    def _as_of(self, lags: Int, sources: Sequence[int]) -> Float:
        """Vectors with some sources as of lags (int64[m]) where carried, float64[m, features]."""
        matrix, every = self.complete.copy(), columns_of(self.spec)
        for s in sources:
            name = self.spec.sources[s].name
            columns = list(every[name])
            names = [self.spec.features[j].name for j in columns]
            own = [one.lagged.get(name, {}) for one in self.examples]
            carried = [known.get(str(lag)) for known, lag in zip(own, lags.tolist(), strict=True)]
            there = [i for i, known in enumerate(carried) if known is not None]
            values = as_matrix(names, [carried[i] or {} for i in there])
            matrix[np.ix_(there, columns)] = values
        return matrix
