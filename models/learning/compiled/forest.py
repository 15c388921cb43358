"""Trees that vote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.compiled.nodes import Indices, Nodes
from models.learning.numerics import Floats, finite

BLOCK = 4096
"""Rows walked at once: what is looked up stays in the processor's cache, memory is bounded."""


@dataclass(frozen=True, slots=True)
class ForestForm:
    """The share of votes for churn, summed over the leaves that a row reaches in t trees.

    roots, shape (t,). votes, shape (2, k): what each of the k nodes votes for the negative and
    for the positive class, 0 where no row ends; not normalised, so that leaves differ in weight.
    """

    nodes: Nodes
    roots: Indices
    votes: Floats

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,), of a matrix (n, f); 0 where all leaves keep silent."""
        clean = finite(matrix)
        blocks = [self._block(clean[i : i + BLOCK]) for i in range(0, len(clean), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def _block(self, matrix: Floats) -> Floats:
        negative, positive = np.zeros((2, len(matrix)))
        # Tree after tree: a sum over an axis may choose another order for another batch.
        for leaf in self.nodes.leaves(self.roots, matrix):
            negative += self.votes[0].take(leaf)
            positive += self.votes[1].take(leaf)
        total = negative + positive
        return np.divide(positive, total, out=positive, where=total > 0.0)
