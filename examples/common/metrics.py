"""How good probabilities are, and the two rules that a model has to beat.

A rule may use at time T only labels that were known by then (prequential), as the model does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

PRIOR_ROWS = 100.0
"""The assumed base rate counts as so many rows; after a few weeks it is forgotten."""
BIN_ROWS = 20.0
"""The same for each bin of the recency rule, at the base rate known by then."""
RECENCY_DAYS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 63, 91)
"""Upper edges of the recency rule's bins; one more for longer, one for never."""
_SMALLEST = 1e-15


def auc(labels: Bools, scores: Floats) -> float | None:
    """Probability that a positive is above a negative, ties half; None without both classes."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    total = float(mean_rank[inverse][labels].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss(labels: Bools, probabilities: Floats) -> float | None:
    """Mean negative log likelihood in nats; None without rows."""
    if len(labels) == 0:
        return None
    p = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return float(-np.mean(np.where(labels, np.log(p), np.log1p(-p))))


def known_before(times: Ints, labels: Bools, horizon: int) -> tuple[Ints, Ints]:
    """For each row: how many rows had matured by its time, and how many of them were positive.

    A row of time T matures at T + horizon.
    """
    order = np.argsort(times, kind="stable")
    matured = times[order] + horizon
    positives = np.concatenate([[0], np.cumsum(labels[order])])
    rows = np.searchsorted(matured, times, side="right")
    return rows, positives[rows].astype(np.int64)


def base_rate(times: Ints, labels: Bools, horizon: int, prior: float) -> Floats:
    """The rate among all rows matured by then, smoothed by PRIOR_ROWS rows at ``prior``."""
    rows, positives = known_before(times, labels, horizon)
    return (positives + PRIOR_ROWS * prior) / (rows + PRIOR_ROWS)


def recency_rule(times: Ints, labels: Bools, silence: Floats, horizon: int, base: Floats) -> Floats:
    """The rate among matured rows whose users had been silent for as long (a bin of days).

    silence: days since the user's last event, inf for never. Smoothed by BIN_ROWS rows at the
    base rate of the time.
    """
    bins = np.digitize(silence, [*RECENCY_DAYS, np.inf])
    out = np.empty(len(times))
    for number in np.unique(bins):
        rows = np.flatnonzero(bins == number)
        known, positives = known_before(times[rows], labels[rows], horizon)
        out[rows] = (positives + BIN_ROWS * base[rows]) / (known + BIN_ROWS)
    return out
