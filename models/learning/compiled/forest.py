"""Trees that vote."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from models.learning.compiled.nodes import Indices, Nodes
from models.learning.compiled.patterns import by_pattern
from models.learning.compiled.soft_forest import SoftForest
from models.learning.numerics import Bools, Floats, finite
from models.staleness.belief import Belief, Degrade

BLOCK = 4096
"""Rows walked at once: what is looked up stays in the processor's cache, memory is bounded."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ForestForm:
    """The share of votes for churn, summed over the leaves that a row reaches in t trees.

    roots, shape (t,). votes, shape (2, k): what each of the k nodes votes for the negative and
    for the positive class, 0 where no row ends. Those that a row hears in one tree sum to the
    tree's weight, so that trees differ in weight, leaves do not.
    """

    nodes: Nodes
    roots: Indices
    votes: Floats

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,), of a matrix (n, f); 0 where all leaves keep silent."""
        clean = finite(matrix)
        blocks = [self._block(clean[i : i + BLOCK]) for i in range(0, len(clean), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), of expected votes, the values ``masked`` (n, f) being left out."""
        clean = finite(matrix)

        def of(columns: Indices, rows: Indices) -> Floats:
            return _soft_forest(self).marginal(self, clean[rows], columns, how)

        return by_pattern(self._asked(masked), lambda rows: self.probabilities(clean[rows]), of)

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), of expected votes under beliefs about some of the values."""
        known = finite(belief.known(matrix))

        def of(columns: Indices, rows: Indices) -> Floats:
            soft = belief.rows(rows).soft(columns)
            return _soft_forest(self).expected(self, known[rows], columns, soft)

        unsure = self._asked(belief.unsure)
        return by_pattern(unsure, lambda rows: self.probabilities(known[rows]), of)

    def _asked(self, unknown: Bools) -> Bools:
        """Leave out the features that no split asks for."""
        asked = np.zeros(unknown.shape[1], dtype=bool)
        asked[self.nodes.feature[self.nodes.inner]] = True
        return unknown & asked

    def _block(self, matrix: Floats) -> Floats:
        negative, positive = np.zeros((2, len(matrix)))
        # Tree after tree: a sum over an axis may choose another order for another batch.
        for leaf in self.nodes.leaves(self.roots, matrix):
            negative += self.votes[0].take(leaf)
            positive += self.votes[1].take(leaf)
        total = negative + positive
        return np.divide(positive, total, out=positive, where=total > 0.0)


_SOFT: WeakKeyDictionary[ForestForm, SoftForest] = WeakKeyDictionary()
"""Worked out when a form first needs it, and not pickled with it."""


def _soft_forest(form: ForestForm) -> SoftForest:
    if form not in _SOFT:
        _SOFT[form] = SoftForest.of(form)
    return _SOFT[form]
