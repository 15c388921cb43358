"""What not knowing a source costs, as the outcomes come in.

Each example of an epoch is scored twice before it is learned, by the model in force: knowing
everything, and averaging over what a source says (the policy ``degrade``). Same users, same
outcomes, so the difference of the two losses is paired, and little noise is left in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.learning.numerics import Floats
from models.learning.scorer import Scorer
from models.learning.told_policies import columns_of
from models.spec import Spec
from schemas.drift import SourceCost

COST = "cost_without_"
"""With a source's name behind it: a figure of a snapshot's manifest."""
MEMORY = 5_000
"""Examples after which one counts 1/e."""
ASKED = 1_000
"""Examples of an epoch that are scored twice at most, evenly chosen: models of River's own are
asked row by row."""
_LEAST = 1e-6


@dataclass(slots=True)
class _Sums:
    """Fading sums of 1, of its squared weights, of the differences and of their squares."""

    weight: float = 0.0
    square: float = 0.0
    more: float = 0.0
    spread: float = 0.0

    def add(self, differences: Floats) -> None:
        kept = math.exp(-len(differences) / MEMORY)
        self.weight = kept * self.weight + len(differences)
        self.square = kept**2 * self.square + len(differences)
        self.more = kept * self.more + float(differences.sum())
        self.spread = kept * self.spread + float(differences @ differences)


class SourceCosts:
    """Log loss more without each source that features are read from, with fading memory.

    Parameters
    ----------
    spec
        The deployment.

    """

    def __init__(self, spec: Spec) -> None:
        self._sums = {name: _Sums() for name, columns in columns_of(spec).items() if columns}

    def update(self, spec: Spec, scorer: Scorer, complete: Floats, labels: Floats) -> None:
        """Score examples twice. complete: (n, features). labels: (n,).

        Each counts the same, whatever its weight in learning.
        """
        chosen = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), ASKED)).astype(int))
        matrix, outcome = complete[chosen], labels[chosen]
        knowing = _loss(scorer.predict(matrix), outcome)
        columns = columns_of(spec)
        for name, sums in self._sums.items():
            masked = np.zeros(matrix.shape, dtype=np.bool_)
            masked[:, list(columns[name])] = True
            without = _loss(scorer.marginal(matrix, masked), outcome)
            sums.add(without - knowing)

    def figures(self) -> dict[str, SourceCost]:
        """Mean difference and its standard error, nats a score, by source; {} before the first."""
        return {name: _cost(sums) for name, sums in self._sums.items() if sums.weight}


def _cost(sums: _Sums) -> SourceCost:
    mean, count = sums.more / sums.weight, sums.weight**2 / sums.square
    variance = max(sums.spread / sums.weight - mean**2, 0.0)
    return SourceCost(round(mean, 6), round(math.sqrt(variance / count), 6), round(count))


def _loss(probabilities: Floats, outcome: Floats) -> Floats:
    right = np.where(outcome > 0, probabilities, 1.0 - probabilities)
    loss: Floats = -np.log(np.clip(right, _LEAST, 1.0))
    return loss
