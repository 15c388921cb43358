"""How a field's values are distributed, in bins that are fixed beforehand.

Numbers: four bins for each power of two, either sign, so a bin is 19 % wide whatever the unit (the
idea of DDSketch: Masson, Rim, Lee, VLDB 2019). Strings: 32 bins of their hash. Bins that are fixed
make histograms that can be added, in any order, with the same result.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

import numpy as np

from models.grid import Int

PER_OCTAVE: Final = 4
_LOWEST, _HIGHEST = -40 * PER_OCTAVE, 60 * PER_OCTAVE
_QUARTERS = np.array([2**-0.75, 2**-0.5, 2**-0.25])
CODES: Final = 2 * (_HIGHEST - _LOWEST + 1) + 1
"""How many codes there are; they go from -MIDDLE to MIDDLE."""
MIDDLE: Final = CODES // 2


@dataclass(slots=True)
class Histogram:
    """codes: of the bins that hold anything, ascending. counts: what each holds."""

    codes: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Values in all bins."""
        return sum(self.counts)

    def merge(self, other: Histogram) -> None:
        """Add another one."""
        self.codes, self.counts = summed(self.codes, self.counts, other.codes, other.counts)

    def thinned(self, part: int, whole: int) -> Histogram:
        """Counts times part / whole, rounded; bins that then hold nothing leave."""
        if part == whole:
            return Histogram(self.codes[:], self.counts[:])
        counts = [(2 * n * part + whole) // (2 * whole) for n in self.counts]
        kept = [(c, n) for c, n in zip(self.codes, counts, strict=True) if n]
        return Histogram([c for c, _ in kept], [n for _, n in kept])

    def quantile(self, share: float) -> int:
        """The code below or in which this share of the values lies."""
        sums = list(accumulate(self.counts))
        return self.codes[bisect_left(sums, share * sums[-1])]

    def above(self, code: int) -> float:
        """The share of the values above a code; one of that code counts half."""
        place = bisect_left(self.codes, code)
        own = self.counts[place] if self.codes[place : place + 1] == [code] else 0
        return (sum(self.counts[place:]) - own / 2) / self.total


def summed(
    keys: list[int], counts: list[int], more: list[int], times: list[int]
) -> tuple[list[int], list[int]]:
    """The sums of counts by key, and the keys; both are new lists, and the keys ascend.

    >>> summed([1, 5], [2, 3], [0, 5], [1, 1])
    ([0, 1, 5], [1, 2, 4])
    """
    if not keys or not more:
        return keys + more, counts + times
    sums = dict(zip(keys, counts, strict=True))
    if sums.keys().isdisjoint(more):
        sums.update(zip(more, times, strict=True))
    else:
        for key, count in zip(more, times, strict=True):
            sums[key] = sums.get(key, 0) + count
    if len(sums) == len(keys):
        return keys[:], list(sums.values())
    found = sorted(sums)
    return found, list(map(sums.__getitem__, found))


def codes_of(column: np.ndarray[Any, Any]) -> Int:
    """Codes of known values, int64[n]. Exact: the same value has the same code everywhere."""
    if column.dtype == np.uint64:
        return (column >> np.uint64(59)).astype(np.int64)
    mantissa, exponent = np.frexp(np.abs(column))
    quarter = np.searchsorted(_QUARTERS, mantissa, side="right")
    place = np.clip(exponent.astype(np.int64) * PER_OCTAVE + quarter, _LOWEST, _HIGHEST)
    return np.where(column == 0, 0, np.sign(column).astype(np.int64) * (place - _LOWEST + 1))


def octaves_of(code: int) -> float:
    """log2 of the size of a number with this code."""
    return (abs(code) - 1 + _LOWEST) / PER_OCTAVE - 1
