"""Trees as arrays, and how a batch of rows walks down all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.learning.numerics import Floats

Indices = NDArray[np.intp]

BELOW, ABOVE, UNKNOWN = 0, 1, 2
"""Ways on from a node: value ≤ threshold, value > threshold, value not known."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The k nodes of any number of trees; a node is an index.

    A row goes on from node i by its value of ``feature[i]``: to ``ways[i, BELOW]`` if that is
    ≤ ``threshold[i]``, to ``ways[i, ABOVE]`` if it is greater, to ``ways[i, UNKNOWN]`` if it
    is NaN. All ways of a leaf lead back to it.

    feature, shape (k,): column of the matrix. threshold, shape (k,). ways, shape (k, 3).
    weight, shape (k,): training weight that went down to the node. depth: the longest way
    from a root to a leaf, in steps.
    """

    feature: Indices
    threshold: Floats
    ways: Indices
    weight: Floats
    depth: int

    @property
    def inner(self) -> Indices:
        """The nodes that are no leaves, ascending."""
        return np.flatnonzero(self.ways[:, BELOW] != np.arange(len(self.ways)))

    def leaves(self, roots: Indices, matrix: Floats) -> Indices:
        """Leaf that each row reaches from each root.

        Parameters
        ----------
        roots
            Shape (t,).
        matrix
            Shape (n, f), NaN where a value is not known.

        Returns
        -------
        Shape (t, n).

        """
        rows, columns = matrix.shape
        values, ways = matrix.ravel(), self.ways.ravel()
        start = np.tile(np.arange(rows) * columns, len(roots))
        node = np.repeat(roots, rows)
        for _ in range(self.depth):
            value = values.take(start + self.feature.take(node))
            way = (value > self.threshold.take(node)).astype(np.intp)
            way[np.isnan(value)] = UNKNOWN
            node = ways.take(3 * node + way)
        return node.reshape(len(roots), rows)
