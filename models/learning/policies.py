"""All that is learned about policies, in the epochs of the model, and carried by its snapshots.

Scorers never learn: what they need (weights of the gate, beliefs, models with a lag) is frozen
into the snapshot's head beside the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from models.aggregates import LINEAR
from models.learning.lagged import LagModels, asked_of
from models.learning.numerics import Bools, Floats
from models.learning.told_policies import Lags, Policies, columns_of
from models.spec import POLICIES, Spec
from models.staleness.ages import rounded_up
from models.staleness.gate import PolicyGate
from models.staleness.nowcast import Nowcast
from models.staleness.pattern import Stale, path
from schemas.examples import Example

_NAN = float("nan")


def rate_of(spec: Spec) -> float:
    """η: one over the number of a user's examples whose horizons overlap."""
    return min(spec.learning.example_every / spec.labels.horizon, 1.0)


def logged_of(spec: Spec) -> Bools:
    """Which features are believed in on a logarithmic scale."""
    return np.array([feature.agg not in LINEAR for feature in spec.features], dtype=np.bool_)


class PolicyLearner:
    """Learns gate, beliefs and models with a lag from examples, as admitted, in order.

    What it has learned does not depend on which policies are in force, but for which examples
    carry what: so a source's policy may change without anything being learned again.
    """

    def __init__(self, spec: Spec) -> None:
        self.gate = PolicyGate()
        self.nowcast = Nowcast(logged_of(spec))
        self.lags = LagModels()

    def learn(
        self,
        spec: Spec,
        examples: Sequence[Example],
        complete: Floats,
        labels: Floats,
        weights: Floats,
    ) -> None:
        """Take in an epoch's examples. complete: their complete vectors, (n, f)."""
        if not spec.learns_lags:
            return
        self._weigh(spec, examples)
        self._believe(spec, examples, complete)
        self._learn_lagged(spec, examples, complete, labels, weights)
        seen = [lags for example in examples if (lags := lags_seen(spec, example))]
        self.lags.count(spec, seen)

    def freeze(self, spec: Spec) -> Policies:
        """What scorers need."""
        return Policies(
            gate=self.gate.frozen(rate_of(spec)),
            beliefs=self.nowcast.freeze(),
            lagged=self.lags.freeze(spec),
            asked=asked_of(self.lags.chosen),
        )

    def weights(self, spec: Spec) -> dict[str, dict[str, float]]:
        """Weights of the policies where anything is stale, and by which sources are."""
        return {
            key: dict(zip(POLICIES, weights.tolist(), strict=True))
            for key, weights in self.gate.general(rate_of(spec)).items()
        }

    # --- the gate ----------------------------------------------------------------------------

    def _weigh(self, spec: Spec, examples: Sequence[Example]) -> None:
        rate = rate_of(spec)
        for example in examples:
            if example.experts:
                predicted = np.array([example.experts.get(name, _NAN) for name in POLICIES])
                keys = path(pattern_of(spec, example))
                self.gate.update(keys, predicted, example.label, example.weight, rate)

    # --- beliefs -----------------------------------------------------------------------------

    def _believe(self, spec: Spec, examples: Sequence[Example], complete: Floats) -> None:
        self.nowcast.see(complete, _reached(spec, examples))
        for source, columns in columns_of(spec).items():
            pairs: dict[int, list[_Pair]] = {}
            for i, example in enumerate(examples):
                if columns and _reaches(example, source):
                    for pair in _pairs(spec, example, i, complete[i], source, columns):
                        pairs.setdefault(pair.bucket, []).append(pair)
            for bucket, found in pairs.items():
                before = np.array([pair.known for pair in found], dtype=float)
                after = complete[[pair.place for pair in found]]
                stale = np.array([pair.lag for pair in found], dtype=float)
                self.nowcast.learn((source, bucket), columns, before, after, stale)

    # --- models with a lag -------------------------------------------------------------------

    def _learn_lagged(
        self,
        spec: Spec,
        examples: Sequence[Example],
        complete: Floats,
        labels: Floats,
        weights: Floats,
    ) -> None:
        names, columns = [feature.name for feature in spec.features], columns_of(spec)
        for lags in self.lags.chosen:
            chosen = [i for i, example in enumerate(examples) if _carries(example, lags)]
            if not chosen:
                continue
            matrix = complete[chosen]
            for source, lag in lags:
                own = list(columns[source])
                for row, i in enumerate(chosen):
                    values = examples[i].lagged[source][str(lag)]
                    matrix[row, own] = [values.get(names[j], _NAN) for j in own]
            self.lags.learn(spec, lags, matrix, labels[chosen], weights[chosen])


def pattern_of(spec: Spec, example: Example) -> list[Stale]:
    """What was stale when an example was scored, in the order of the configuration."""
    return [
        Stale(source.name, example.health[source.name], example.ages[source.name])
        for source in spec.sources
        if source.name in example.ages
    ]


def lags_seen(spec: Spec, example: Example) -> Lags:
    """Lags that a model would have needed to score an example; () where none could, or need be."""
    found = []
    for source in spec.sources:
        if source.name in example.ages:
            as_of = example.as_of.get(source.name)
            if as_of is None or example.time - as_of > spec.longest_lag:
                return ()
            lag = min(rounded_up(example.time - as_of, spec.grid), spec.longest_lag)
            if lag > 0:
                found.append((source.name, lag))
    return tuple(found)


def _reaches(example: Example, source: str) -> bool:
    """Whether the complete vector knows all of a source up to the cut."""
    as_of = example.complete_as_of.get(source)
    return as_of is not None and as_of >= example.time


def _reached(spec: Spec, examples: Sequence[Example]) -> Bools:
    """Which features of the complete vectors are known up to the cut, bool[n, f]."""
    reached = np.ones((len(examples), len(spec.features)), dtype=np.bool_)
    for source, columns in columns_of(spec).items():
        own = [_reaches(example, source) for example in examples]
        reached[:, list(columns)] = np.array(own, dtype=np.bool_)[:, None]
    return reached


def _carries(example: Example, lags: Lags) -> bool:
    return all(str(lag) in example.lagged.get(source, {}) for source, lag in lags)


class _Pair(NamedTuple):
    """A vector as known with a source some time old, of the example at ``place``."""

    bucket: int
    lag: int
    place: int
    known: list[float]


def _pairs(
    spec: Spec,
    example: Example,
    place: int,
    complete: Floats,
    source: str,
    columns: Sequence[int],
) -> Iterator[_Pair]:
    """As the example was scored, where the source was stale; and at the lag drawn for it."""
    as_of = example.as_of.get(source)
    if source in example.ages and as_of is not None:
        known = [example.vector.get(feature.name, _NAN) for feature in spec.features]
        yield _Pair(example.ages[source], example.time - as_of, place, known)
    if example.paired is not None:
        lag, bucket = example.paired
        values = example.lagged.get(source, {}).get(str(lag))
        if values is not None:
            known = complete.tolist()
            for j in columns:
                known[j] = values.get(spec.features[j].name, _NAN)
            yield _Pair(bucket, lag, place, known)
