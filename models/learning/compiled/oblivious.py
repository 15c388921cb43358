"""Oblivious trees as arrays: a row's leaf in each tree is a number made of its comparisons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from models.learning.bins import Singles, singles
from models.learning.compiled.patterns import by_pattern
from models.learning.compiled.soft_oblivious import SoftTrees, numbered, without
from models.learning.numerics import Bools, Floats, sigmoid
from models.staleness.belief import Belief, Degrade, Indices

BLOCK = 512
"""Rows walked at once: what is looked up stays in the processor's cache, memory is bounded."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ObliviousForm:
    """``logit = intercept + Σ_t values[t, leaf_t]``, over t trees of d levels.

    At level l of tree t a row goes to the right if its value of ``feature[t, l]`` is above
    ``threshold[t, l]``, an unknown one if ``unknown_right[t, l]``. The leaf's number has a bit
    for each level, the first one the most significant, set where the row went to the right.

    feature, threshold, unknown_right: shape (t, d). values: shape (t, 2^d), logits. weights,
    shape (t, 2^d): training weight that reached each leaf; that of an inner node is the sum of
    its leaves', so that trees can be marginalised over features that are not known.
    """

    intercept: float
    feature: Indices
    threshold: Singles
    unknown_right: Bools
    values: Floats
    weights: Floats

    def shrunk(self, share: float, towards: float) -> ObliviousForm:
        """Take ``share`` of the logit and the rest of the logit ``towards``."""
        intercept = (1.0 - share) * towards + share * self.intercept
        return replace(self, intercept=intercept, values=share * self.values)

    def some(self, trees: Indices) -> ObliviousForm:
        """Take some of the trees."""
        return ObliviousForm(
            self.intercept,
            self.feature[trees],
            self.threshold[trees],
            self.unknown_right[trees],
            self.values[trees],
            self.weights[trees],
        )

    def bits(self, matrix: Floats | Singles) -> Bools:
        """Whether each of the n rows of a matrix (n, f) goes to the right, shape (t, d, n)."""
        trees, depth = self.feature.shape
        known = np.ascontiguousarray(singles(matrix).T)
        low, high = (np.where(np.isnan(known), way, known) for way in (-np.inf, np.inf))
        ways = np.concatenate((low, high))
        chosen = ways.take((self.feature + len(known) * self.unknown_right).ravel(), axis=0)
        return (chosen > self.threshold.ravel()[:, None]).reshape(trees, depth, len(matrix))

    def leaves(self, matrix: Floats | Singles) -> Indices:
        """Leaf that each of the n rows of a matrix (n, f) reaches in each tree, shape (t, n)."""
        return numbered(self.bits(matrix))

    def logits(self, matrix: Floats | Singles) -> Floats:
        """Logits, shape (n,). Summed tree after tree, whatever the batch."""
        parts = [self._block(matrix[i : i + BLOCK]) for i in range(0, len(matrix), BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,), of a matrix (n, f), NaN where a value is not known."""
        return sigmoid(self.logits(matrix))

    def marginal_logits(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """Expected logits (n,), the values that are ``masked`` (n, f) being left out."""

        def of(columns: Indices, rows: Indices) -> Floats:
            values = without(self, columns, how)
            return replace(self, values=values).logits(matrix[rows])

        return by_pattern(masked, lambda rows: self.logits(matrix[rows]), of)

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), of the expected logits."""
        return sigmoid(self.marginal_logits(matrix, masked, how))

    def expected_logits(self, matrix: Floats, belief: Belief) -> Floats:
        """Expected logits (n,) under beliefs about some of the values, by soft splits."""
        known = belief.known(matrix)

        def of(columns: Indices, rows: Indices) -> Floats:
            soft = belief.rows(rows).soft(columns)
            return _soft_trees(self).logits(self, known[rows], columns, soft)

        unsure = belief.unsure if len(self.values) else np.zeros_like(belief.uncertain)
        return by_pattern(unsure, lambda rows: self.logits(known[rows]), of)

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), of the expected logits."""
        return sigmoid(self.expected_logits(matrix, belief))

    def _block(self, matrix: Floats | Singles) -> Floats:
        trees, width = self.values.shape
        if not trees:
            return np.full(len(matrix), self.intercept)
        places = self.leaves(matrix) + (np.arange(trees) * width)[:, None]
        parts = self.values.ravel().take(places)
        total: Floats = self.intercept + np.cumsum(parts, axis=0)[-1]
        return total


def stacked(forms: list[ObliviousForm]) -> ObliviousForm:
    """The mean of the logits of some forms of equal depth, as one form."""
    share = 1.0 / len(forms)
    return ObliviousForm(
        intercept=share * sum(form.intercept for form in forms),
        feature=np.concatenate([form.feature for form in forms]),
        threshold=np.concatenate([form.threshold for form in forms]),
        unknown_right=np.concatenate([form.unknown_right for form in forms]),
        values=share * np.concatenate([form.values for form in forms]),
        weights=np.concatenate([form.weights for form in forms]),
    )


_SOFT: WeakKeyDictionary[ObliviousForm, SoftTrees] = WeakKeyDictionary()
"""Worked out when a form first needs it, and not pickled with it."""


def _soft_trees(form: ObliviousForm) -> SoftTrees:
    if form not in _SOFT:
        _SOFT[form] = SoftTrees.of(form)
    return _SOFT[form]
