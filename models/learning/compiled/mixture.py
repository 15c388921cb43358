"""A compiled mixture: the weighted mean of its members' logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.learning.numerics import Bools, Floats, sigmoid
from models.staleness.belief import Belief, Degrade


class Form(Protocol):
    """A frozen model on arrays."""

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,), of a matrix (n, f), NaN where a value is not known."""

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""

    def marginal_logits(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """Logits (n,) where the values ``masked`` (n, f) are left out (policy ``degrade``)."""

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), likewise. Nothing masked: ``probabilities``."""

    def expected_logits(self, matrix: Floats, belief: Belief) -> Floats:
        """Logits (n,) under beliefs about some of the values (policy ``nowcast``)."""

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), likewise. Nothing uncertain: ``probabilities``."""


@dataclass(frozen=True, slots=True)
class MixtureForm:
    """``logit = Σ_k weights[k] logit_k``.

    weights, shape (k,), sum to 1.
    """

    weights: Floats
    members: Sequence[Form]

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,). Summed member after member, whatever the batch."""
        return self._mean([member.logits(matrix) for member in self.members])

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""
        return sigmoid(self.logits(matrix))

    def marginal_logits(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """Mean of the members' marginal logits, shape (n,)."""
        return self._mean([member.marginal_logits(matrix, masked, how) for member in self.members])

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), of the mean of the members' marginal logits."""
        return sigmoid(self.marginal_logits(matrix, masked, how))

    def expected_logits(self, matrix: Floats, belief: Belief) -> Floats:
        """Mean of the members' expected logits, shape (n,)."""
        return self._mean([member.expected_logits(matrix, belief) for member in self.members])

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), of the mean of the members' expected logits."""
        return sigmoid(self.expected_logits(matrix, belief))

    def _mean(self, logits: Sequence[Floats]) -> Floats:
        total = np.zeros(len(logits[0]))
        for weight, each in zip(self.weights.tolist(), logits, strict=True):
            total += weight * each
        return total
