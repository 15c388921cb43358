"""How sure one can be of a figure whose rows are not independent: the jackknife over users.

Rows of one user are not independent, so whole groups of users are left out in turn
(delete-a-group jackknife, Kott, The delete-a-group jackknife, Journal of Official Statistics 17,
2001): with G groups and theta_g the figure without group g,
``variance = (G - 1) / G * sum((theta_g - mean)^2)``, and Student's t with G - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from models.grid import Bool, Int
from models.learning.numerics import Floats

GROUPS = 30
STUDENT = 2.045
"""97.5 % of Student's t with 29 degrees of freedom."""


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    low: float
    middle: float
    high: float


def mean_interval(values: Floats, group: Int, weight: Floats | None = None) -> Interval:
    """The mean of values, shape (n,); group: int64[n], of each row's user, in [0, GROUPS).

    weight: float64[n], positive; None: all count the same.
    """
    weight = np.ones(len(values)) if weight is None else weight
    sums = np.bincount(group, weights=weight * values, minlength=GROUPS)
    weights = np.bincount(group, weights=weight, minlength=GROUPS)
    left = weights.sum() - weights
    without = (sums.sum() - sums) / np.where(left > 0, left, 1.0)
    return _interval(float(np.average(values, weights=weight)), without)


def interval(figure: Callable[[Bool], float], group: Int) -> Interval:
    """Any figure of the rows that are kept."""
    without = np.array([figure(group != g) for g in range(GROUPS)])
    return _interval(figure(np.ones(len(group), dtype=np.bool_)), without)


def _interval(middle: float, without: Floats) -> Interval:
    variance = (GROUPS - 1) / GROUPS * ((without - without.mean()) ** 2).sum()
    reach = STUDENT * float(np.sqrt(variance))
    return Interval(middle - reach, middle, middle + reach)
