"""Buckets of age: staleness in steps that double, so that what is learned of one can be used again.

A bucket is named by its upper bound in microseconds, so that what was learned keeps its meaning
when the configuration changes; BEYOND stands for what is older than the longest lag (and for a
source of which nothing is known).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from models.grid import Int
from models.spec import Spec

BEYOND = 0
MOST = 7
"""Buckets at most, besides BEYOND."""


@lru_cache(maxsize=64)
def rungs(longest: int, grid: int) -> tuple[int, ...]:
    """Upper bounds of the buckets, ascending: the longest lag, halved again and again, on the grid.

    >>> rungs(28, 1), rungs(5, 2)
    ((1, 2, 4, 7, 14, 28), (2, 4, 6))
    """
    found: list[int] = []
    for step in range(MOST):
        bound = -(-longest // (grid * 2**step)) * grid
        if found and bound >= found[-1]:
            break
        found.append(bound)
    return tuple(reversed(found))


def rungs_of(spec: Spec) -> tuple[int, ...]:
    """Buckets of a deployment."""
    return rungs(spec.longest_lag, spec.grid)


def bucket_of(spec: Spec, staleness: Int) -> Int:
    """Bucket of each staleness, int64 of any shape: its upper bound, or BEYOND."""
    bounds = np.array([*rungs_of(spec), BEYOND], dtype=np.int64)
    found: Int = bounds[np.searchsorted(bounds[:-1], staleness, side="left")]
    return found


def rounded_up(lag: int, grid: int) -> int:
    """The lag, not shorter, on the grid, with three significant binary digits at most.

    So lags that differ by a quarter at most share a model.

    >>> [rounded_up(lag, 10) for lag in (1, 61, 81, 169_0)]
    [10, 70, 100, 1920]
    """
    number = -(-lag // grid)
    step = 1 << max(number.bit_length() - 3, 0)
    return -(-number // step) * step * grid
