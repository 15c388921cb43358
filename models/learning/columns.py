"""Features by name as columns of an array, in the order in which they were first seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.learning.guard import number
from models.learning.numerics import Floats


class Columns:
    """Names of columns, at most ``limit`` of them, and how often each was not known.

    Parameters
    ----------
    limit
        Names after this many are ignored.

    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.places: dict[Any, int] = {}
        self._unknown = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        """Columns there are."""
        return len(self.places)

    @property
    def missing(self) -> dict[Any, int]:
        """For each feature, how many of the rows counted since its first did not know it."""
        return dict(zip(self.places, self._unknown.tolist(), strict=True))

    def add(self, names: Iterable[Any]) -> list[Any]:
        """Give columns to the names that have none; these.

        Names of a set, or of a dict, which has no order that should count, come sorted.
        """
        new = [name for name in names if name not in self.places]
        if not isinstance(names, tuple):
            new.sort(key=str)
        new = new[: self.limit - len(self.places)]
        for name in new:
            self.places[name] = len(self.places)
        self._unknown = np.pad(self._unknown, (0, len(new)))
        return new

    def row(self, x: dict[Any, Any]) -> Floats:
        """Row (f,) of a dict, NaN where it says nothing."""
        row = np.full(len(self.places), np.nan)
        for name, value in x.items():
            column = self.places.get(name)
            if column is not None:
                row[column] = number(value)
        return row

    def rows(self, matrix: Floats) -> Floats:
        """Rows (n, f) of a matrix that has the first columns alone."""
        more = len(self.places) - matrix.shape[1]
        return np.pad(matrix, ((0, 0), (0, more)), constant_values=np.nan) if more else matrix

    def count(self, rows: NDArray[np.floating[Any]]) -> None:
        """Count what is not known in rows (n, f) that are learned."""
        self._unknown += np.isnan(rows).sum(axis=0)
