"""How good probabilities are, and what a policy loses against the best one in hindsight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.grid import Float
from models.learning.numerics import Floats
from models.watch.cost import auc, losses

Bands = list[tuple[float, float, int]]
"""Mean prediction, rate of positives, rows; for each tenth of the rows by prediction."""

NATS = 1e4
"""Regrets are told in ten-thousandths of a nat."""


def figures(label: Floats, said: Mapping[str, Floats]) -> dict[str, dict[str, float]]:
    """Log loss (nats) and AUC of each policy."""
    return {
        policy: {"log_loss": float(losses(label, p).mean()), "auc": auc(label, p)}
        for policy, p in said.items()
    }


def regrets(found: Mapping[str, Mapping[str, float]], among: Sequence[str]) -> dict[str, float]:
    """Log loss above that of the best of some policies in hindsight, nats; negative if below."""
    best = min(found[policy]["log_loss"] for policy in among if policy in found)
    return {policy: one["log_loss"] - best for policy, one in found.items()}


def reliability(label: Float, said: Float, bins: int = 10) -> Bands:
    """For each tenth of the rows by prediction: mean prediction, rate of positives, rows."""
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [(float(said[p].mean()), float(label[p].mean()), len(p)) for p in parts]


def together(bands: Sequence[Bands]) -> Bands:
    """Bands of several runs as one, the lowest with the lowest."""
    found = []
    for same in zip(*bands, strict=False):
        rows = sum(n for *_, n in same)
        mean, rate = (sum(one[i] * one[2] for one in same) / rows for i in (0, 1))
        found.append((mean, rate, rows))
    return found
