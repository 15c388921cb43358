"""A linear model compiled to flat arrays: the same bits for one row as for a hundred thousand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.moderation import believed_terms, moderated, usual_terms
from models.learning.numerics import Bools, Floats, finite, sigmoid, signed_log1p
from models.staleness.belief import Belief, Degrade


@dataclass(frozen=True, slots=True)
class LinearForm:
    """``logit = intercept + Σ_j c_j``, one contribution for each of the f features.

    A known value x contributes ``weights * z + known`` with ``z = (t(x) - mean) / scale``
    clipped to ``±limit`` and t the signed log1p where ``logged``; an unknown one (NaN or
    infinite) contributes ``unknown``. The average of a contribution over the examples learned
    is about 0, so it says what the feature does against the average user.

    All arrays have shape (f,).
    """

    intercept: float
    weights: Floats
    known: Floats
    unknown: Floats
    mean: Floats
    scale: Floats
    logged: Bools
    limit: float

    def contributions(self, matrix: Floats) -> Floats:
        """Logit contributions, shape (n, f), of a matrix (n, f) of raw values."""
        clean = finite(matrix)
        parts = standardise(transform(clean, self.logged), self.mean, self.scale, self.limit)
        parts *= self.weights
        parts += self.known
        np.copyto(parts, self.unknown, where=np.isnan(clean))
        return parts

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,). Summed feature after feature, whatever the batch."""
        return self.intercept + running_sum(self.contributions(matrix))

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""
        return sigmoid(self.logits(matrix))

    def marginal_logits(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """Logits (n,) where the values ``masked`` (n, f) are left out: see ``moderation``.

        ``average``: a masked feature is as over the examples learned, by mean and variance.
        ``most_common``: it is what is usual, for certain: its mean, or absent.
        """
        usual = usual_terms(self, how)
        parts = np.where(masked, usual.mean, self.contributions(matrix))
        variances = np.where(masked, usual.variance, 0.0)
        return moderated(self.intercept + running_sum(parts), running_sum(variances))

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), of the moderated logits."""
        return sigmoid(self.marginal_logits(matrix, masked, how))

    def expected_logits(self, matrix: Floats, belief: Belief) -> Floats:
        """Logits (n,) under beliefs about some of the values: see ``moderation``."""
        parts = self.contributions(belief.known(matrix))
        unsure = belief.unsure
        columns = np.flatnonzero(unsure.any(axis=0))
        terms = believed_terms(self, belief.soft(columns), columns)
        variances = np.zeros_like(parts)
        parts[:, columns] = np.where(unsure[:, columns], terms.mean, parts[:, columns])
        variances[:, columns] = np.where(unsure[:, columns], terms.variance, 0.0)
        return moderated(self.intercept + running_sum(parts), running_sum(variances))

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), of the moderated logits."""
        return sigmoid(self.expected_logits(matrix, belief))


def transform(values: Floats, logged: Bools) -> Floats:
    """Signed log1p of the features that are ``logged``. Keeps NaN; shape as given."""
    logs = signed_log1p(values)
    return logs if logged.all() else np.where(logged, logs, values)


def standardise(values: Floats, mean: Floats, scale: Floats, limit: float) -> Floats:
    """``(values - mean) / scale``, clipped to ``±limit``. Keeps NaN."""
    z = values - mean
    z /= scale
    np.maximum(z, -limit, out=z)
    return np.minimum(z, limit, out=z)


def running_sum(matrix: Floats) -> Floats:
    """Sum each row (n, f) → (n,) strictly from left to right.

    ``matrix.sum(axis=1)`` and BLAS choose their order of adding by the shape of the batch, so
    a user's score would change in its last bit with the company it is computed in.
    """
    if matrix.shape[1] == 0:
        return np.zeros(len(matrix))
    return np.cumsum(matrix, axis=1)[:, -1]
