"""What it costs not to know a source, or to have it late, as the outcomes come in.

Each example of an epoch is scored again before it is learned, by the model in force: knowing
everything; averaging over what a source says (the policy ``degrade``); and, by the policy in
force, with the source as it was a drawn lag before (``models.engine.imagined``). Same users, same
outcomes, so the differences of the losses are paired, and little noise is left in them. Each counts
as its weight says, so where negatives are a sample, means are still those of scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.imagined import if_late
from models.grid import Int
from models.learning.numerics import Floats
from models.learning.scorer import Scorer
from models.learning.told_policies import columns_of
from models.spec import Spec
from schemas.drift import LateCost, SourceCost
from schemas.examples import Example
from schemas.sources import CostOfLag

_WITHOUT, _LATE = "cost_without_", "cost_late_"
MEMORY = 5_000
"""Examples after which one counts 1/e."""
ASKED = 1_000
"""Examples of an epoch that are scored again at most, evenly chosen: models of River's own are
asked row by row."""
ASKED_LATE = 300
"""The same for a source that is late, one source in each epoch: every policy is asked."""
LEAST = 20
"""Churners, and others, from which on the cost of a lag is told."""
_LEAST = 1e-6


@dataclass(slots=True)
class _Sums:
    """Fading sums of weights and their squares, churners, others, differences and their squares.

    Churners and others are counted, whatever their weights.
    """

    weight: float = 0.0
    square: float = 0.0
    churned: float = 0.0
    others: float = 0.0
    more: float = 0.0
    spread: float = 0.0

    def __setstate__(self, state: tuple[None, dict[str, float]]) -> None:
        """Sums of a snapshot from before there were weights: they were all 1."""
        known = state[1]
        for name, value in ({"others": known["weight"] - known["churned"]} | known).items():
            setattr(self, name, value)

    def add(self, differences: Floats, labels: Floats, weights: Floats) -> None:
        kept = math.exp(-len(differences) / MEMORY)
        self.weight = kept * self.weight + float(weights.sum())
        self.square = kept**2 * self.square + float(weights @ weights)
        self.churned = kept * self.churned + float(labels.sum())
        self.others = kept * self.others + len(labels) - float(labels.sum())
        self.more = kept * self.more + float((weights * differences).sum())
        self.spread = kept * self.spread + float((weights * differences) @ differences)

    def told(self) -> tuple[float, float, int]:
        """Mean, its standard error, and the number of equal examples that it is told from."""
        mean, count = self.more / self.weight, self.weight**2 / self.square
        variance = max(self.spread / self.weight - mean**2, 0.0)
        return round(mean, 6), round(math.sqrt(variance / count), 6), round(count)

    @property
    def proves(self) -> bool:
        return min(self.churned, self.others) >= LEAST


def published(costs: Mapping[str, SourceCost]) -> dict[str, float]:
    """As figures of a snapshot's manifest, so that workers know them without the drift topic."""
    return {_WITHOUT + name: cost.log_loss for name, cost in costs.items()} | {
        f"{_LATE}{late.up_to_s:.0f}_{name}": late.log_loss
        for name, cost in costs.items()
        for late in cost.late
    }


def told_of(
    figures: Mapping[str, float | None], source: str
) -> tuple[float | None, list[CostOfLag]]:
    """What a manifest's figures say of a source: without it, and with it late."""
    late = []
    for figure, more in figures.items():
        seconds, _, name = figure.removeprefix(_LATE).partition("_")
        if figure.startswith(_LATE) and name == source and more is not None:
            late.append(CostOfLag(float(seconds), more))
    return figures.get(_WITHOUT + source), sorted(late, key=lambda one: one.up_to_s)


class SourceCosts:
    """Log loss more without, or with a late, source that features are read from; memory fades.

    Parameters
    ----------
    spec
        The deployment.

    """

    def __init__(self, spec: Spec) -> None:
        self._sums = {name: _Sums() for name, columns in columns_of(spec).items() if columns}
        self._late: dict[str, dict[int, _Sums]] = {name: {} for name in self._sums}
        self._turn = 0

    def update(
        self,
        spec: Spec,
        scorer: Scorer,
        examples: Sequence[Example],
        complete: Floats,
        labels: Floats,
        weights: Floats,
    ) -> None:
        """Score n examples again. complete: float64[n, features]. labels, weights: float64[n]."""
        chosen = _evenly(len(labels), ASKED)
        matrix, outcome, weight = complete[chosen], labels[chosen], weights[chosen]
        knowing = _loss(scorer.predict(matrix), outcome)
        columns = columns_of(spec)
        for name, sums in self._sums.items():
            masked = np.zeros(matrix.shape, dtype=np.bool_)
            masked[:, list(columns[name])] = True
            without = _loss(scorer.marginal(matrix, masked), outcome)
            sums.add(without - knowing, outcome, weight)
        late = _evenly(len(chosen), ASKED_LATE)
        asked = [examples[i] for i in chosen[late].tolist()]
        self._ask_late(spec, scorer, asked, outcome[late], weight[late], knowing[late])

    def _ask_late(
        self,
        spec: Spec,
        scorer: Scorer,
        examples: Sequence[Example],
        labels: Floats,
        weights: Floats,
        knowing: Floats,
    ) -> None:
        """Score n examples with the source late whose turn it is. knowing: their losses, (n,)."""
        names = list(self._late)
        if not names:
            return
        by_bound = self._late[names[self._turn % len(names)]]
        late = if_late(spec, scorer, examples, names[self._turn % len(names)])
        self._turn += 1
        outcome, weight = labels[late.index], weights[late.index]
        more = _loss(late.said, outcome) - knowing[late.index]
        for bound in np.unique(late.bucket).tolist():
            within = late.bucket == bound
            by_bound.setdefault(bound, _Sums()).add(more[within], outcome[within], weight[within])

    def figures(self) -> dict[str, SourceCost]:
        """Mean difference and its standard error, nats a score, by source; {} before the first."""
        return {
            name: SourceCost(*sums.told(), late=self._by_lag(name))
            for name, sums in self._sums.items()
            if sums.weight
        }

    def _by_lag(self, name: str) -> tuple[LateCost, ...]:
        """Where enough examples tell of it, the shortest lags first."""
        return tuple(
            LateCost(bound / 1e6, *sums.told())
            for bound, sums in sorted(self._late[name].items())
            if sums.proves
        )


def _evenly(n: int, most: int) -> Int:
    """At most so many of n places, int64."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def _loss(probabilities: Floats, outcome: Floats) -> Floats:
    right = np.where(outcome > 0, probabilities, 1.0 - probabilities)
    loss: Floats = -np.log(np.clip(right, _LEAST, 1.0))
    return loss
