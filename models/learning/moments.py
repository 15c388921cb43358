"""Running mean and variance of each column, leaving out what is not known."""

from __future__ import annotations

import numpy as np

from models.learning.numerics import Floats


class Moments:
    """Weighted running moments of f columns (West's incremental algorithm).

    For a known value x of weight w: ``n += w; δ = x - mean; mean += w δ / n;
    m2 += w δ (x - mean)``. A column's scale is ``sqrt(m2 / n)``, and 1 while it is constant.

    Attributes
    ----------
    weight, mean, m2
        Shape (f,): total weight of known values, their mean, their weighted sum of squares
        about it.

    References
    ----------
    D. H. D. West, Updating mean and variance estimates: an improved method, CACM 22 (1979).

    """

    def __init__(self, columns: int) -> None:
        self.weight = np.zeros(columns)
        self.mean = np.zeros(columns)
        self.m2 = np.zeros(columns)

    def update(self, row: Floats, weight: float) -> None:
        """Take in one row, shape (f,), NaN where unknown."""
        known = ~np.isnan(row)
        added = np.where(known, weight, 0.0)
        self.weight += added
        delta = np.where(known, row - self.mean, 0.0)
        self.mean += added * delta / np.maximum(self.weight, np.finfo(float).tiny)
        self.m2 += added * delta * np.where(known, row - self.mean, 0.0)

    def scale(self) -> Floats:
        """Standard deviation of each column, 1 where it is 0 or nothing is known."""
        variance = self.m2 / np.maximum(self.weight, np.finfo(float).tiny)
        return np.where(variance > 0.0, np.sqrt(variance), 1.0)

    def grow(self, columns: int, weight: float = 0.0, mean: float = 0.0) -> None:
        """Make room for new columns, with that much of that mean known of each."""
        more = (0, columns - len(self.mean))
        self.weight = np.pad(self.weight, more, constant_values=weight)
        self.mean = np.pad(self.mean, more, constant_values=mean)
        self.m2 = np.pad(self.m2, more)
