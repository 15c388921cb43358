"""A user against itself: the newest window beside the windows of the same length before it.

Only windows count that lie wholly after the first event of the selection: before it there was
nothing to be usual.
"""

from __future__ import annotations

import numpy as np

from models.grid import Bool, Float

FARTHEST = 10.0
"""Bound of ``baseline_z``: what has never varied would be infinitely far."""
_SAME = 1e-9


def baseline_ratio(totals: Float, counted: Bool) -> Float:
    """The newest total over the mean of the earlier ones.

    totals: float64[n, 1 + m], the newest window first. counted: bool[n, m], which of the earlier
    ones count. NaN without one, or where their mean is 0.
    """
    mean = _mean(totals[:, 1:], counted)
    ratio: Float = totals[:, 0] / np.where(mean != 0, mean, np.nan)
    return ratio


def baseline_z(totals: Float, counted: Bool) -> Float:
    """How many standard deviations (population's) of the earlier totals the newest is off.

    At most FARTHEST either way; 0 where nothing ever varied. NaN with fewer than two earlier
    windows.
    """
    earlier = totals[:, 1:]
    mean = _mean(earlier, counted)
    off = np.where(counted, earlier - mean[:, None], 0.0)
    number = counted.sum(axis=1)
    spread = np.sqrt((off * off).sum(axis=1) / np.where(number >= 2, number, np.nan))
    distance = totals[:, 0] - mean
    noise = _SAME * np.abs(totals).max(axis=1)
    distance = np.where(np.abs(distance) <= noise, 0.0, distance)
    steps = np.where(spread > noise, spread, np.where(distance == 0, 1.0, 0.0))
    with np.errstate(divide="ignore"):
        z: Float = np.clip(distance / steps, -FARTHEST, FARTHEST)
    return np.where(number >= 2, z, np.nan)


def _mean(earlier: Float, counted: Bool) -> Float:
    number = counted.sum(axis=1)
    total = np.where(counted, earlier, 0.0).sum(axis=1)
    mean: Float = total / np.where(number >= 1, number, np.nan)
    return mean
