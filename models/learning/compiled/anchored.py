"""A compiled classifier, mixed with the base rate as ``models.learning.anchored`` does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.compiled.forest import ForestForm
from models.learning.linear import LinearForm
from models.learning.numerics import Bools, Floats, logits_of
from models.staleness.belief import Belief, Degrade


@dataclass(frozen=True, slots=True)
class AnchoredForm:
    """``p = (1 - trust) rate + trust p_own``; ``rate`` where the model has no opinion (None)."""

    rate: float
    trust: float
    own: ForestForm | LinearForm | None

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,), of a matrix (n, f), NaN where a value is not known."""
        if self.own is None:
            return np.full(len(matrix), self.rate)
        return self._anchored(self.own.probabilities(matrix))

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,)."""
        return logits_of(self.probabilities(matrix))

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), the values ``masked`` (n, f) being left out."""
        if self.own is None:
            return np.full(len(matrix), self.rate)
        return self._anchored(self.own.marginal(matrix, masked, how))

    def marginal_logits(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """Logits, shape (n,), likewise."""
        return logits_of(self.marginal(matrix, masked, how))

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), under beliefs about some of the values."""
        if self.own is None:
            return np.full(len(matrix), self.rate)
        return self._anchored(self.own.expected(matrix, belief))

    def expected_logits(self, matrix: Floats, belief: Belief) -> Floats:
        """Logits, shape (n,), likewise."""
        return logits_of(self.expected(matrix, belief))

    def _anchored(self, own: Floats) -> Floats:
        return (1.0 - self.trust) * self.rate + self.trust * own
