"""How often the same record comes again: a bottom-k sample of the distinct records, with counts.

The KEPT smallest hashes are a uniform sample of the DISTINCT records, and each of them has been
counted every time since it was first seen, because the bound only falls (Cohen and Kaplan,
"Summarizing data using bottom-k sketches", PODC 2007). Order and batches make no difference.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.grid import Int
from models.staleness.quality.histogram import summed

KEPT: Final = 64


@dataclass(slots=True)
class Repeats:
    """hashes: the smallest ones, ascending. counts: how often each came."""

    hashes: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Records of the sampled ones, repeats included."""
        return sum(self.counts)

    @property
    def copies(self) -> int:
        """Those of them that had come before."""
        return self.records - len(self.hashes)

    @property
    def times(self) -> float:
        """How often a record comes, on average; 1.0 without repeats."""
        return self.records / len(self.hashes) if self.hashes else 1.0

    def add(self, hashes: Int) -> None:
        """Take in records by their hashes, below 2**32."""
        if len(self.hashes) == KEPT:
            hashes = hashes[hashes <= self.hashes[-1]]
        found, counts = np.unique(hashes, return_counts=True)
        self.merge(Repeats(found[:KEPT].tolist(), counts[:KEPT].tolist()))

    def merge(self, other: Repeats) -> None:
        """Take in another sample."""
        more, times = other.hashes, other.counts
        if len(self.hashes) == KEPT:
            small = bisect_right(more, self.hashes[-1])
            more, times = more[:small], times[:small]
        hashes, counts = summed(self.hashes, self.counts, more, times)
        self.hashes, self.counts = hashes[:KEPT], counts[:KEPT]
