"""Distributions in a few numbers: histograms whose buckets grow by a quarter of an octave.

The idea of DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees", VLDB 2019): a bucket is a range of ratio gamma, so a quantile is right
to a relative error of (gamma - 1) / 2, here 9.5 %, whatever the distribution; and the sum of two
sketches is the sketch of everything. Old values fade, by a factor on the weights.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from models.grid import Float, Int

BUCKETS = 120
EDGES: tuple[float, ...] = tuple(2.0 ** (k / 4) for k in range(BUCKETS))
"""Bucket k holds EDGES[k - 1] < value <= EDGES[k]; the first all from 0 to 1, the last the rest."""

_EDGES = np.array(EDGES)
_PARTS = 100_000
"""Weights are rounded to such parts: what is durable is short, and the same on every machine."""


@dataclass(slots=True)
class Sketch:
    """Weights of the buckets that have any, ascending. At most 120 pairs: about 1.5 kB as JSON."""

    buckets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Weight of all values."""
        return sum(self.weights)

    def add(self, value: float) -> None:
        """Take in one value (>= 0)."""
        self.add_weighed([(value, 1.0)])

    def add_weighed(self, values: Iterable[tuple[float, float]]) -> None:
        """Take in values (>= 0), each with its weight."""
        last = BUCKETS - 1
        self._put([(min(bisect_left(EDGES, value), last), weight) for value, weight in values])

    def add_many(self, values: Float) -> None:
        """Take in values (>= 0), float64[n]."""
        found, counts = np.unique(buckets_of(values), return_counts=True)
        self._put(zip(found.tolist(), counts.tolist(), strict=True))

    def merge(self, other: Sketch, scale: float = 1.0) -> None:
        """Take in all that another one holds, its weights multiplied."""
        weights = other.weights if scale == 1.0 else [weight * scale for weight in other.weights]
        self._put(zip(other.buckets, weights, strict=True))

    def fade(self, factor: float) -> None:
        """Let what was seen so far count less; what counts next to nothing is forgotten."""
        pairs = zip(self.buckets, (weight * factor for weight in self.weights), strict=True)
        kept = [
            (bucket, round(weight * _PARTS) / _PARTS) for bucket, weight in pairs if weight > 1e-3
        ]
        self.buckets = [bucket for bucket, _ in kept]
        self.weights = [weight for _, weight in kept]

    def _put(self, pairs: Iterable[tuple[int, float]]) -> None:
        sums = dict(zip(self.buckets, self.weights, strict=True))
        for bucket, weight in pairs:
            sums[bucket] = round((sums.get(bucket, 0.0) + weight) * _PARTS) / _PARTS
        if len(sums) > len(self.buckets):
            self.buckets = sorted(sums)
            self.weights = [sums[bucket] for bucket in self.buckets]
        else:
            self.weights = list(sums.values())

    def above(self, value: float) -> float:
        """Share of the values in buckets above that of ``value``; 0: nothing seen."""
        place = bisect_left(EDGES, value)
        if not self.buckets or self.buckets[-1] <= place:
            return 0.0
        pairs = zip(self.buckets, self.weights, strict=True)
        return sum(weight for bucket, weight in pairs if bucket > place) / self.total

    def median_above(self, value: float) -> float:
        """The upper edge of the median's bucket among those above that of ``value``; 0: none."""
        place = bisect_right(self.buckets, bisect_left(EDGES, value))
        beyond = Sketch(self.buckets[place:], self.weights[place:])
        return beyond.quantile(0.5) or 0.0

    def quantile(self, share: float) -> float | None:
        """The upper edge of the bucket in which a quantile lies; None: nothing seen."""
        left = share * self.total
        for bucket, weight in zip(self.buckets, self.weights, strict=True):
            left -= weight
            if left <= 1e-9:
                return EDGES[bucket]
        return EDGES[self.buckets[-1]] if self.buckets else None


def buckets_of(values: Float) -> Int:
    """The bucket of each value (>= 0), int64[n]."""
    return np.minimum(np.searchsorted(_EDGES, values, side="left"), BUCKETS - 1)
