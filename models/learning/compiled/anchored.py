"""A compiled classifier, mixed with the base rate as ``models.learning.anchored`` does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.compiled.forest import ForestForm
from models.learning.linear import LinearForm
from models.learning.numerics import Floats, logits_of


@dataclass(frozen=True, slots=True)
class AnchoredForm:
    """``p = (1 - trust) rate + trust p_own``; ``rate`` where the model has no opinion (None)."""

    rate: float
    trust: float
    own: ForestForm | LinearForm | None

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,), of a matrix (n, f), NaN where a value is not known."""
        own = np.full(len(matrix), self.rate)
        if self.own is not None:
            own = self.own.probabilities(matrix)
        return (1.0 - self.trust) * self.rate + self.trust * own

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,)."""
        return logits_of(self.probabilities(matrix))
