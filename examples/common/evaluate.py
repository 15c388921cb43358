"""From scores and what happened to the table: which rows count, and how good they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from examples.common import metrics
from examples.common.metrics import Bools, Floats, Ints
from examples.common.truth import Truth
from schemas.times import format_time

COLD_HORIZONS = 2
"""The cold start ends so many horizons after the first cut: in the first one no label can have
matured, in the second the first ones are learned."""


@dataclass(frozen=True)
class ScoreRows:
    """Scheduled scores, one for each id. times: microseconds."""

    users: np.ndarray[Any, Any]
    times: Ints
    probabilities: Floats
    repeated: int = 0

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True)
class _Judged:
    """Rows with a label, and what each rule says of them."""

    times: Ints
    labels: Bools
    model: Floats
    base: Floats
    recency: Floats
    silence: Floats


def evaluate(rows: ScoreRows, truth: Truth, horizon: int, prior: float) -> dict[str, Any]:
    """All metrics of the scores, with the cold start and without."""
    labels, unlabelled = truth.labels(rows.users, rows.times)
    keep = np.ones(len(rows), dtype=np.bool_)
    dropped = {}
    for reason, which in unlabelled.items():
        dropped[reason] = int((which & keep).sum())
        keep &= ~which
    judged = _judge(rows, labels, keep, truth, horizon, prior)
    warm_from = int(rows.times.min()) + COLD_HORIZONS * horizon if len(rows) else 0
    warm = judged.times >= warm_from
    return {
        "scores": len(rows),
        "scores_repeated": rows.repeated,
        "dropped": dropped,
        **_table(judged, np.ones(len(judged.times), dtype=np.bool_)),
        "without_cold_start": {"from": format_time(warm_from), **_table(judged, warm)},
    }


def _judge(
    rows: ScoreRows, labels: Bools, keep: Bools, truth: Truth, horizon: int, prior: float
) -> _Judged:
    times, kept = rows.times[keep], labels[keep]
    silence = truth.silence(rows.users[keep], times)
    base = metrics.base_rate(times, kept, horizon, prior)
    recency = metrics.recency_rule(times, kept, silence, horizon, base)
    return _Judged(times, kept, rows.probabilities[keep], base, recency, silence)


def _table(judged: _Judged, chosen: Bools) -> dict[str, Any]:
    """Metrics of the chosen rows. The rules were computed with the history of all rows."""
    labels = judged.labels[chosen]
    rate = float(labels.mean()) if len(labels) else 0.0
    return {
        "rows": len(labels),
        "positives": int(labels.sum()),
        "auc": short(metrics.auc(labels, judged.model[chosen])),
        "log_loss": short(metrics.log_loss(labels, judged.model[chosen])),
        "base_rate": {
            "auc": short(metrics.auc(labels, judged.base[chosen])),
            "log_loss": short(metrics.log_loss(labels, judged.base[chosen])),
        },
        "hindsight_rate": {
            "rate": short(rate),
            "log_loss": short(metrics.log_loss(labels, np.full(len(labels), rate))),
        },
        "recency": {
            "auc": short(metrics.auc(labels, judged.silence[chosen])),
            "log_loss": short(metrics.log_loss(labels, judged.recency[chosen])),
        },
    }


def short(value: float | None) -> float | None:
    """Rounded as in the result."""
    return None if value is None else round(value, 6)
