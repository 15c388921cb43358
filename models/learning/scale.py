"""Location and spread of features, such that a few absurd values do not move them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.numerics import Floats

_TAIL = 0.025
_LEAST = np.finfo(float).tiny


@dataclass(frozen=True, slots=True)
class Scale:
    """Winsorised mean and standard deviation of f features, and how often each is unknown.

    Values beyond the 2.5 % and 97.5 % quantiles count as these. A feature that is constant
    between them (a rare count) has its plain moments; a constant one has the deviation 1.

    All arrays have shape (f,).
    """

    mean: Floats
    deviation: Floats
    absent: Floats

    @classmethod
    def unknown(cls, columns: int) -> Scale:
        """Scale before anything is known: standardising changes nothing."""
        return cls(np.zeros(columns), np.ones(columns), np.ones(columns))

    @classmethod
    def of(cls, rows: Floats, weights: Floats) -> Scale:
        """Scale of rows (n, f), NaN = unknown, of weights (n,)."""
        order = np.argsort(rows, axis=0, kind="stable")
        values = np.take_along_axis(rows, order, axis=0)
        known = np.where(np.isnan(values), 0.0, weights[order])
        total = known.sum(axis=0)
        values = _winsorised(np.where(known > 0.0, values, 0.0), known, total)
        least, most = (_at_quantile(values, known, total, share) for share in (0.0, 1.0))
        mean = (known * values).sum(axis=0) / np.maximum(total, _LEAST)
        variance = (known * (values - mean) ** 2).sum(axis=0) / np.maximum(total, _LEAST)
        return cls(
            mean=mean,
            deviation=np.where(least < most, np.sqrt(variance), 1.0),
            absent=np.maximum(1.0 - total / weights.sum(), 0.0),
        )

    def grow(self, columns: int) -> Scale:
        """Scale with columns added of which nothing is known."""
        more = Scale.unknown(columns - len(self.mean))
        return Scale(
            np.concatenate((self.mean, more.mean)),
            np.concatenate((self.deviation, more.deviation)),
            np.concatenate((self.absent, more.absent)),
        )


def _winsorised(ordered: Floats, weights: Floats, total: Floats) -> Floats:
    """Values (n, f), known ones ascending and first, clipped to quantiles that differ."""
    low = _at_quantile(ordered, weights, total, _TAIL)
    high = _at_quantile(ordered, weights, total, 1.0 - _TAIL)
    clipped: Floats = np.minimum(np.maximum(ordered, low), high)
    return np.where(low < high, clipped, ordered)


def _at_quantile(ordered: Floats, weights: Floats, total: Floats, share: float) -> Floats:
    """First known value (f,) up to which lies that share of the weight."""
    place = (np.cumsum(weights, axis=0) < share * total).sum(axis=0)
    value: Floats = ordered[np.minimum(place, len(ordered) - 1), np.arange(ordered.shape[1])]
    return value
