"""From probabilities to figures: `build/learning.json`, and the checks that go with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.learning import metrics
from bench.learning.contenders import ANCHOR
from bench.learning.running import Result, Results
from models.grid import Bool

TOO_GOOD = 0.995
"""An AUC above this is no achievement but a label among the features."""

Figures = dict[str, Any]


def figures(results: Results) -> dict[str, Figures]:
    """Figures of each contender on the reported rows; differences to the anchor are paired."""
    found = {}
    for name, result in results.by_name.items():
        found[name] = basic(results, result)
        if ANCHOR in results.by_name:
            found[name] |= _beside(results, result)
    return found


def basic(results: Results, result: Result) -> Figures:
    """Figures of one contender alone."""
    rows, taken = results.rows, _taken(results, result)
    label, said = rows.label[taken], result.probability[taken]
    ranking = metrics.Ranking(label, said)
    return {
        "auc": ranking.auc(),
        "log_loss": metrics.log_loss(label, said),
        "pr_auc": ranking.pr_auc(),
        "cpu_ms_per_example": result.learn_ms + result.score_ms,
        "mb": result.megabytes,
        "brier": metrics.brier(label, said),
        "ece": metrics.calibration_error(label, said),
        "learn_ms": result.learn_ms,
        "score_ms": result.score_ms,
        "rows": len(label),
        "positives": int(label.sum()),
        "chosen": result.chosen,
    }


def _taken(results: Results, result: Result) -> Bool:
    return np.asarray(results.reported & ~np.isnan(result.probability), dtype=np.bool_)


def _beside(results: Results, result: Result) -> Figures:
    """The same rows' figures of the anchor, and the paired differences with their intervals."""
    rows, anchor, taken = results.rows, results.by_name[ANCHOR], _taken(results, result)
    label, user = rows.label[taken], rows.user[taken]
    mine, theirs = result.probability[taken], anchor.probability[taken]
    ours, other = metrics.Ranking(label, mine), metrics.Ranking(label, theirs)
    loss, other_loss = metrics.losses(label, mine), metrics.losses(label, theirs)
    more_loss = metrics.mean_of(loss - other_loss)
    auc = metrics.jackknife(user, lambda keep: ours.auc(keep) - other.auc(keep))
    pr_auc = metrics.jackknife(user, lambda keep: ours.pr_auc(keep) - other.pr_auc(keep))
    return {
        "auc_ratio": ours.auc() / other.auc(),
        "log_loss_ratio": float(loss.mean() / other_loss.mean()),
        "auc_difference": list(auc),
        "log_loss_difference": list(metrics.jackknife(user, more_loss)),
        "pr_auc_difference": list(pr_auc),
    }


def warnings(found: dict[str, dict[str, Figures]]) -> list[str]:
    """What cannot be true: somebody who knows the label."""
    return [
        f"{data}: {name} has an AUC of {figures['auc']:.4f}. Nobody predicts that well: look for "
        "the label, or what follows from it, among the features."
        for data, contenders in found.items()
        for name, figures in contenders.items()
        if figures["auc"] > TOO_GOOD
    ]


def compact(found: dict[str, dict[str, Figures]]) -> dict[str, dict[str, Figures]]:
    """Rounded to what can be read."""
    return {
        data: {name: {k: _short(v) for k, v in f.items()} for name, f in contenders.items()}
        for data, contenders in found.items()
    }


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(v) for v in value]
    return round(value, 6) if isinstance(value, float) else value
