"""A compiled mixture: the weighted mean of its members' logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.learning.numerics import Floats, sigmoid


class Form(Protocol):
    """A frozen model on arrays."""

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,), of a matrix (n, f), NaN where a value is not known."""

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""


@dataclass(frozen=True, slots=True)
class MixtureForm:
    """``logit = Σ_k weights[k] logit_k``.

    weights, shape (k,), sum to 1.
    """

    weights: Floats
    members: Sequence[Form]

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,). Summed member after member, whatever the batch."""
        total = np.zeros(len(matrix))
        for weight, member in zip(self.weights.tolist(), self.members, strict=True):
            total += weight * member.logits(matrix)
        return total

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""
        return sigmoid(self.logits(matrix))
