"""How good probabilities are, and how sure one can be of it: a jackknife over users.

Rows of one user are not independent, so whole groups of users are left out in turn
(delete-a-group jackknife, Kott 2001, J. Official Statistics 17): with G groups and theta_g the
figure without group g, ``var = (G - 1) / G * sum((theta_g - mean)^2)``, and Student's t with
G - 1 degrees of freedom. Differences are paired: the same rows, the same groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from models.grid import Bool, Float, Int

GROUPS = 30
STUDENT = 2.045
"""97.5 % of Student's t with 29 degrees of freedom."""
BINS = 10
_LEAST = 1e-15

Keep = Bool | None
Figure = Callable[[Keep], float]
"""A figure of the rows that are kept (None: of all)."""


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    low: float
    middle: float
    high: float


def losses(label: Float, said: Float) -> Float:
    """Negative log likelihood of each row, in nats."""
    p = np.clip(said, _LEAST, 1.0 - _LEAST)
    return np.asarray(-np.where(label == 1.0, np.log(p), np.log1p(-p)))


def log_loss(label: Float, said: Float) -> float:
    """Mean negative log likelihood, in nats."""
    return float(losses(label, said).mean())


def brier(label: Float, said: Float) -> float:
    """Mean squared error of the probability."""
    return float(((label - said) ** 2).mean())


def calibration_error(label: Float, said: Float) -> float:
    """Expected calibration error: mean |rate - prediction| over bins of equally many rows."""
    bands = reliability(label, said)
    return float(sum(n * abs(rate - mean) for mean, rate, n in bands) / max(1, len(label)))


def reliability(label: Float, said: Float) -> list[tuple[float, float, int]]:
    """For each tenth of the rows by prediction: mean prediction, rate of positives, rows."""
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [(float(said[p].mean()), float(label[p].mean()), len(p)) for p in parts]


class Ranking:
    """AUC and PR-AUC, sorted once, for any part of the rows. Ties count half."""

    def __init__(self, label: Float, said: Float) -> None:
        self._order = np.argsort(-said, kind="stable")
        self._label = label[self._order]
        ends = np.flatnonzero(np.diff(said[self._order]))
        self._ends = np.append(ends, len(said) - 1)

    def auc(self, keep: Keep = None) -> float:
        """Probability that a positive is above a negative."""
        true, false = self._curve(keep)
        if not true[-1] or not false[-1]:
            return float("nan")
        height = true - np.diff(true, prepend=0.0) / 2
        return float((np.diff(false, prepend=0.0) * height).sum() / (true[-1] * false[-1]))

    def pr_auc(self, keep: Keep = None) -> float:
        """Average precision: the precision at each threshold, weighted by the recall it adds."""
        true, false = self._curve(keep)
        if not true[-1]:
            return float("nan")
        precision = true / np.maximum(true + false, 1e-12)
        return float((np.diff(true, prepend=0.0) * precision).sum() / true[-1])

    def _curve(self, keep: Keep) -> tuple[Float, Float]:
        weight = np.ones(len(self._label)) if keep is None else keep[self._order].astype(float)
        true = np.cumsum(weight * self._label)[self._ends]
        false = np.cumsum(weight * (1.0 - self._label))[self._ends]
        return true, false


def mean_of(values: Float) -> Figure:
    """The mean as a figure."""
    return lambda keep: float(values.mean() if keep is None else values[keep].mean())


def jackknife(user: Int, figure: Figure) -> Interval:
    """The figure with its interval; ``user``: int64[n], any numbering."""
    group = user % GROUPS
    without = np.array([figure(group != g) for g in range(GROUPS)])
    spread = np.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean()) ** 2).sum())
    middle = figure(None)
    return Interval(middle - STUDENT * float(spread), middle, middle + STUDENT * float(spread))
