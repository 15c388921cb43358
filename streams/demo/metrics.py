"""How good probabilities were, computed plainly: this shares no code with the trainer's metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-6


def auc(scores: NDArray[np.float64], churned: NDArray[np.bool_]) -> float | None:
    """Chance that one who churns has the higher score (ties: half); None without both classes.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    positives = int(np.count_nonzero(churned))
    negatives = len(churned) - positives
    if not positives or not negatives:
        return None
    ordered = np.sort(scores)
    first = np.searchsorted(ordered, scores, side="left")
    last = np.searchsorted(ordered, scores, side="right")
    ranks = (first + last + 1) / 2  # mean rank among equals, from 1
    above = ranks[churned].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def log_loss(probabilities: NDArray[np.float64], churned: NDArray[np.bool_]) -> float | None:
    """Mean surprise in nats; None without anything to judge.

    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False])), 4)
    0.6931
    """
    if not len(probabilities):
        return None
    p = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return float(-np.where(churned, np.log(p), np.log1p(-p)).mean())


@dataclass(frozen=True, slots=True)
class Quality:
    """Emitted scores against what truly happened, and against the best that could be known.

    oracle: AUC of the true chances on the same rows. people: different users that churned.
    """

    rows: int
    positives: int
    people: int
    auc: float | None
    oracle: float | None
    log_loss: float | None
    base_log_loss: float | None

    @property
    def standard_error(self) -> float:
        """Of an AUC under chance; a churner counts once, as her scores are not independent."""
        share = self.people / max(1, self.positives)
        others = max(1.0, (self.rows - self.positives) * share)
        n = max(1, self.people)
        return float(np.sqrt((n + others + 1) / (12 * n * others)))


def quality(
    probabilities: NDArray[np.float64],
    chances: NDArray[np.float64],
    churned: NDArray[np.bool_],
    people: int,
) -> Quality:
    """Judge the rows; ``people`` of them are different users that churned."""
    rate = np.full(len(churned), churned.mean() if len(churned) else 0.0)
    return Quality(
        rows=len(churned),
        positives=int(np.count_nonzero(churned)),
        people=people,
        auc=auc(probabilities, churned),
        oracle=auc(chances, churned),
        log_loss=log_loss(probabilities, churned),
        base_log_loss=log_loss(rate, churned),
    )
