"""What it costs that a source, or a feature, is late or missing: the same cuts, told two ways.

Each row is a matured cut: its outcome, what was said with everything as it was, and what would
have been said with something late or missing. The outcomes are the same, so differences are
paired, row by row. A row stands for as many scores as its weight says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.watch.jackknife import Interval, interval, mean_interval

_LEAST = 1e-15


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of lateness costs.

    log_loss: nats more for each score. auc: ranking lost. missed: share of the churners who would
    have been triggered and are not, less those who are instead. more: triggers for each score more
    than before, whoever they are for.
    """

    log_loss: Interval
    auc: Interval
    missed: Interval
    more: float

    @property
    def proven(self) -> bool:
        """Whether it costs anything beyond doubt (95 %)."""
        return self.log_loss.low > 0.0

    def money(self, saved: float, churners: float) -> Interval:
        """What it costs over so many churners. saved: the value of one who was triggered."""
        return Interval(*(value * saved * churners for value in self.missed))


def cost(
    label: Floats,
    weight: Floats,
    known: Floats,
    late: Floats,
    group: Int,
    churner: Int,
    threshold: float,
) -> Cost:
    """Compare what was said with what would have been.

    Parameters
    ----------
    label
        Outcomes, 0 or 1, shape (n,).
    weight
        For how many scores each row stands, shape (n,).
    known, late
        Probabilities with everything as it was, and with something late, shape (n,).
    group
        Of each row's user, int64[n] in [0, GROUPS).
    churner
        Which churner a row with the outcome 1 tells of, int64[n]; -1 on the others. He counts
        once, as triggered if any of his rows is.
    threshold
        Probability from which on a user is triggered.

    """
    before, after = known >= threshold, late >= threshold
    first, then = (_ranking(label, said, weight) for said in (known, late))
    return Cost(
        log_loss=mean_interval(losses(label, late) - losses(label, known), group, weight),
        auc=interval(lambda keep: first(keep) - then(keep), group),
        missed=_missed(before, after, group, churner),
        more=float(np.average(after, weights=weight) - np.average(before, weights=weight)),
    )


def _ranking(label: Floats, said: Floats, weight: Floats) -> Callable[[Bool], float]:
    """AUC of the rows that are kept. Sorted once: a part of what is sorted is sorted."""
    order = np.argsort(said)
    label, said, weight = label[order], said[order], weight[order]

    def kept(keep: Bool) -> float:
        chosen = keep[order]
        return auc(label[chosen], said[chosen], weight[chosen])

    return kept


def _missed(before: Bool, after: Bool, group: Int, churner: Int) -> Interval:
    """Of churners: triggered at any of their rows before, less after."""
    leaving = churner >= 0
    _, first, of_row = np.unique(churner[leaving], return_index=True, return_inverse=True)
    triggered = [np.bincount(of_row, weights=when[leaving]) > 0 for when in (before, after)]
    lost = triggered[0].astype(float) - triggered[1].astype(float)
    return mean_interval(lost, group[leaving][first])


def losses(label: Floats, said: Floats) -> Floats:
    """Negative log likelihood of each row, nats; shapes (n,)."""
    p = np.clip(said, _LEAST, 1.0 - _LEAST)
    return -np.where(label == 1.0, np.log(p), np.log1p(-p))


def auc(label: Floats, said: Floats, weight: Floats | None = None) -> float:
    """Probability that a positive is above a negative, ties counting half (Mann and Whitney).

    weight: float64[n], positive; None: all count the same.
    """
    weight = np.ones(len(label)) if weight is None else weight
    positive, negative = label == 1.0, np.flatnonzero(label == 0.0)
    if not positive.any() or not len(negative):
        return float("nan")
    ordered = negative[np.argsort(said[negative], kind="stable")]
    up_to = np.concatenate(([0.0], np.cumsum(weight[ordered])))
    below = up_to[np.searchsorted(said[ordered], said[positive], "left")]
    not_above = up_to[np.searchsorted(said[ordered], said[positive], "right")]
    return float(np.average(below + not_above, weights=weight[positive]) / (2 * up_to[-1]))
