"""Models trained with a lag: what a source says is old when they learn, as when they score.

Which lags are worth a model follows from the examples: how old sources were when users were
scored. The number of models is bounded; a model that is needed less than half as often as another
lag gives way to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.learning.factory import Model, make_model
from models.learning.freezing import freeze, learn_rows
from models.learning.numerics import Floats
from models.learning.told_policies import LagForm, Lags
from models.spec import Spec

WORTH = 50.0
"""Examples scored with a lag, as they fade, from which on it is worth a model."""

LEAST_LEARNED = 200
LEAST_RARER = 10
"""Matured examples, in all and of the rarer class, after which a model may be asked."""


@dataclass(slots=True)
class _Lagged:
    model: Model
    learned: int = 0
    positives: int = 0

    @property
    def ready(self) -> bool:
        rarer = min(self.positives, self.learned - self.positives)
        return self.learned >= LEAST_LEARNED and rarer >= LEAST_RARER


class LagModels:
    """Counts lags, and learns a model for each of those that are needed most."""

    def __init__(self) -> None:
        self._needed: dict[Lags, float] = {}
        self._models: dict[Lags, _Lagged] = {}

    @property
    def chosen(self) -> tuple[Lags, ...]:
        """Lags that have a model."""
        return tuple(self._models)

    def learn(
        self, spec: Spec, lags: Lags, matrix: Floats, labels: Floats, weights: Floats
    ) -> None:
        """Teach a lag's model vectors with that lag, (n, f), in order."""
        names = tuple(feature.name for feature in spec.features)
        held = self._models[lags]
        learn_rows(held.model, names, matrix, labels, weights)
        held.learned += len(labels)
        held.positives += int(labels.sum())

    def count(self, spec: Spec, seen: Sequence[Lags]) -> None:
        """Take in the lags of an epoch's examples, and choose anew which have models.

        What was seen a horizon ago counts half, where every epoch since then had examples.
        """
        kept = 0.5 ** (spec.learning.every / spec.labels.horizon)
        self._needed = {lags: n * kept for lags, n in self._needed.items() if n * kept >= 1.0}
        for lags in seen:
            self._needed[lags] = self._needed.get(lags, 0.0) + 1.0
        worth = [lags for lags, n in self._needed.items() if n >= WORTH]
        for lags in sorted(worth, key=lambda lags: (-self._needed[lags], lags)):
            self._admit(spec, lags)
        while len(self._models) > spec.policy.lag_models:
            del self._models[self._weakest()]

    def freeze(self, spec: Spec) -> tuple[LagForm, ...]:
        """All of them, as arrays."""
        names = tuple(feature.name for feature in spec.features)
        return tuple(
            LagForm(
                lags,
                freeze(held.model, names, prior=spec.model.prior) if held.ready else None,
                held.learned,
            )
            for lags, held in self._models.items()
        )

    def _admit(self, spec: Spec, lags: Lags) -> None:
        if lags in self._models or not spec.policy.lag_models:
            return
        if len(self._models) >= spec.policy.lag_models:
            weakest = self._weakest()
            if self._needed[lags] <= 2.0 * self._needed.get(weakest, 0.0):
                return
            del self._models[weakest]
        self._models[lags] = _Lagged(make_model(spec.model, spec.features))

    def _weakest(self) -> Lags:
        """Of those that have a model the one that is needed least."""
        return min(self._models, key=lambda held: (self._needed.get(held, 0.0), held))


def asked_of(lags: Sequence[Lags]) -> tuple[tuple[str, int], ...]:
    """Sources and lags that examples have to be completed with, so that the models can learn."""
    return tuple(sorted({one for each in lags for one in each}))
