"""How many examples had matured when another one was scored, from their times alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.learning.oblivious import Indices

_PARTS = 16


class Maturing:
    """Counts learned examples by when they were scored, for about two times the maturity.

    The times tell what production knew at each one also where a long history is learned at once.
    Counts are kept by sixteenths of the maturity, so state is bounded: some dozens of numbers.

    Parameters
    ----------
    maturity
        From a score to when a model that learned its label is in force, microseconds.

    Examples
    --------
    >>> maturing = Maturing(maturity=16)
    >>> maturing.add([0, 0, 10])
    >>> maturing.known([15, 17, 30]).tolist()
    [0, 2, 3]

    """

    def __init__(self, maturity: int) -> None:
        self.maturity = maturity
        self._part = max(1, maturity // _PARTS)
        self._older = 0
        self._counts: dict[int, int] = {}

    def add(self, times: Sequence[int]) -> None:
        """Count examples that are learned, by the times at which they were scored."""
        parts, counts = np.unique(np.array(times) // self._part, return_counts=True)
        for part, count in zip(parts.tolist(), counts.tolist(), strict=True):
            self._counts[part] = self._counts.get(part, 0) + count
        newest = max(self._counts)
        for part in [part for part in self._counts if part < newest - 2 * _PARTS - 2]:
            self._older += self._counts.pop(part)

    def known(self, times: Sequence[int]) -> Indices:
        """How many of those counted had matured at each time, shape (n,)."""
        parts = np.array(sorted(self._counts), dtype=np.int64)
        counts = [self._counts[part] for part in parts.tolist()]
        totals = self._older + np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        ends = (parts + 1) * self._part
        before = np.searchsorted(ends, np.array(times) - self.maturity, side="right")
        return totals[before].astype(np.intp)
