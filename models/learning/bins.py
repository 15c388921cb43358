"""Values as small integers, by quantiles: what the histograms of a tree are counted over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.learning.numerics import Floats

Codes = NDArray[np.uint8]
Singles = NDArray[np.float32]

MOST_BINS = 255
"""So that a code, and the one for an unknown value, fit into a byte."""
BEYOND = np.float32(3e38)
"""No value lies above it."""

_ROUNDS = 10


def singles(matrix: Floats | Singles) -> Singles:
    """Values as 32 bit floats within ``±BEYOND``, infinities made unknown (NaN); a copy.

    Trees compare these and nothing finer, so that a row that is scored goes the way of the same
    row when it was learned.
    """
    cut = np.clip(matrix, -BEYOND, BEYOND).astype(np.float32)
    np.copyto(cut, np.nan, where=~np.isfinite(matrix))
    return cut


@dataclass(frozen=True, slots=True)
class Bins:
    """Edges between the bins of f features; a value is coded by how many edges lie below it.

    So ``x > edges[j, i]`` says the same as ``code > i``. An unknown value (NaN) has the code
    ``missing``, one more than the last bin's: a bin of its own.

    edges, shape (f, bins - 1), float32: ascending, ``BEYOND`` where a feature has fewer.
    """

    edges: Singles

    @property
    def missing(self) -> int:
        """Code of an unknown value; codes lie in 0 … missing."""
        return int(self.edges.shape[1]) + 1

    @classmethod
    def of(cls, rows: Singles, bins: int) -> Bins:
        """Take edges from rows (n, f), NaN = unknown, ``bins`` at most for each feature.

        Bins hold about equally many rows, where no value counts for more than a bin's share:
        a count that is mostly 0 has the other edges where it is not.
        """
        edges = np.full((rows.shape[1], bins - 1), BEYOND)
        for column, values in zip(edges, rows.T, strict=True):
            found = _edges(values[~np.isnan(values)], bins)
            column[: len(found)] = found
        return cls(edges)

    def codes(self, rows: Singles) -> Codes:
        """Codes (n, f) of rows (n, f)."""
        codes = np.empty(rows.shape, dtype=np.uint8)
        for j, edges in enumerate(self.edges):
            codes[:, j] = np.searchsorted(edges, rows[:, j], side="left")
        codes[np.isnan(rows)] = self.missing
        return codes

    def grow(self, columns: int) -> Bins:
        """Add columns of which nothing is known: one bin, and that for unknown values."""
        more = columns - len(self.edges)
        return Bins(np.pad(self.edges, ((0, more), (0, 0)), constant_values=BEYOND))


def _edges(values: Singles, bins: int) -> Singles:
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= bins:
        return distinct[:-1]
    shares = np.cumsum(np.minimum(counts, _size(counts, bins)))
    wanted = np.arange(1, bins) * (shares[-1] / bins)
    found: Singles = np.unique(distinct[np.searchsorted(shares, wanted)])
    below: Singles = found[found < distinct[-1]]
    return below


def _size(counts: NDArray[np.integer[Any]], bins: int) -> float:
    """Rows to a bin if no value counts for more than a bin: ``size = Σ min(count, size) / bins``.

    Approached from above; what common values hold too much shrinks from round to round.
    """
    size = float(counts.sum()) / bins
    for _ in range(_ROUNDS):
        size = float(np.minimum(counts, size).sum()) / bins
    return size
