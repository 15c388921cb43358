"""Soft splits: how a belief about a feature moves the odds between a split's two ways.

The odds of a split's right way are the training weight's odds × the belief's ÷ the prior's, each
within the interval of values that the path down to the split has left (a second split on the same
feature knows what the first one said). With the belief N(m, s²) and the prior N(m0, s0²) of a
feature that the path has left in (low, high], at a threshold t:

    odds = w_right / w_left × ratio,     ratio = Q(t, high) P(low, t) / (Q(low, t) P(t, high)),

Q and P being the masses that belief and prior give to an interval. So a belief equal to the prior
gives the training weight's odds (C4.5's fractional instances; what ``degrade`` does), and one
without variance gives the way that its value goes (``latest``).

A value may also not exist (NaN as data): that chance counts to the way that an unknown value
takes, as long as the path has not left it.

Normals fit no feature's tails, where a quotient of two tiny masses would decide: ``TAIL`` is added
to the prior's masses and ``TAIL s/s0`` to the belief's, so that the prior stays the prior and what
is certain stays certain.

J. R. Quinlan, C4.5: Programs for Machine Learning (1993), section 3.2, for the fractions; their
reweighting by what is believed is Bayes' rule (Jeffrey's, for uncertain evidence: R. Jeffrey, The
Logic of Decision, 1965, chapter 11).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.normal import normal_cdf
from models.learning.numerics import Bools, Floats
from models.staleness.belief import Indices, Soft, on_scale

TAIL = 1e-3
LEAST = 1e-9
"""That is added to a belief's in any case: more than Φ is wrong by, so that none is negative."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The distinct splits of a model, each with the interval that the path above has left.

    Shapes (c,). low, threshold, high: indices into ``edges``, ascending. absent_left,
    absent_right: whether an unknown value may come and goes that way. edges: (e,), distinct
    thresholds (several features may share one), the first -inf and the last inf.
    """

    feature: Indices
    low: Indices
    threshold: Indices
    high: Indices
    absent_left: Bools
    absent_right: Bools
    edges: Floats

    @classmethod
    def of(
        cls,
        feature: Indices,
        low: Floats,
        threshold: Floats,
        high: Floats,
        absent_left: Bools,
        absent_right: Bools,
    ) -> tuple[Cells, Indices]:
        """Find the distinct ones among splits (k,); and for each split its cell."""
        inside = np.minimum(np.maximum(threshold, low), np.maximum(low, high))
        high = np.maximum(low, high)
        ends = np.array([-np.inf, np.inf])
        edges = np.unique(np.concatenate((low, inside, high, ends)))
        places = [np.searchsorted(edges, part) for part in (low, inside, high)]
        columns = (feature, *places, absent_left, absent_right)
        rows = np.stack([column.astype(np.intp) for column in columns], axis=1)
        distinct, cell = np.unique(rows, axis=0, return_inverse=True)
        found, from_, at, to, left, right = distinct.T
        cells = cls(found, from_, at, to, left.astype(bool), right.astype(bool), edges)
        return cells, cell.reshape(len(rows))


class Ratios:
    """What beliefs about some features make of the odds of some cells.

    Parameters
    ----------
    cells, wanted
        All of them, and which are meant, shape (w,).
    columns
        Shape (c,), ascending: the features that are unsure; those of the cells are among them.
    soft
        About these; its prior is used here, its beliefs a block of rows at a time.

    """

    def __init__(self, cells: Cells, wanted: Indices, columns: Indices, soft: Soft) -> None:
        own = np.searchsorted(columns, cells.feature[wanted])
        ends = np.stack((cells.low[wanted], cells.threshold[wanted], cells.high[wanted]))
        pairs, places = np.unique(ends * len(columns) + own, return_inverse=True)
        edge, self._about = np.divmod(pairs, len(columns))
        self._ends = places.reshape(ends.shape)
        self._marks = on_scale(cells.edges[edge][:, None], soft.logged[self._about])
        ways = cells.absent_left[wanted], cells.absent_right[wanted]
        self._besides = [own + len(columns) * comes for comes in ways]
        self._spread = soft.prior_spread
        tail = np.full(soft.prior_mean.shape, TAIL)
        left, right = self._masses(soft.prior_mean, soft.prior_spread, soft.prior_absent, tail)
        self._prior = left / right

    def of(self, soft: Soft) -> Floats:
        """Ratio (w, n) that multiplies the odds of each cell, for n rows."""
        tail = np.maximum(TAIL * soft.spread / self._spread, LEAST)
        left, right = self._masses(soft.mean, soft.spread, soft.absent, tail)
        right /= left
        right *= self._prior
        return right

    def _masses(
        self, mean: Floats, spread: Floats, absent: Floats, tail: Floats
    ) -> tuple[Floats, Floats]:
        """Masses (w, n) of the two ways."""
        z = self._marks - mean[self._about]
        z *= (1.0 / spread)[self._about]
        cdf = normal_cdf(z)
        cdf *= (1.0 - absent)[self._about]
        middle = cdf.take(self._ends[1], axis=0)
        besides = np.concatenate((tail, tail + absent))
        left, right = (besides.take(way, axis=0) for way in self._besides)
        left += middle
        left -= cdf.take(self._ends[0], axis=0)
        right += cdf.take(self._ends[2], axis=0)
        right -= middle
        return left, right


def share_right(weight_right: Floats, ratio: Floats) -> Floats:
    """Share of the right way, of its share of the training weight and the belief's ratio."""
    right = weight_right * ratio
    return right / ((1.0 - weight_right) + right)
