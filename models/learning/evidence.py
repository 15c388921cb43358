"""Is a challenger better than the champion? Paired, prequential, valid at any time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.learning.numerics import Floats
from models.learning.sequence import t_sequence
from schemas.snapshots import Paired

CLIP = 1e-3
"""Probabilities are clipped to [CLIP, 1 - CLIP] before they are compared: no single example can
decide, and what lies nearer to 0 and 1 makes no difference to what is done about a user."""

ALPHA = 0.05
"""Probability, for a champion's whole reign, that any challenger is promoted without being better;
it is divided by the number of challengers."""


def log_losses(labels: Floats, predicted: Floats) -> Floats:
    """Clipped log loss of each prediction, nats; shapes (n,)."""
    p = np.clip(predicted, CLIP, 1.0 - CLIP)
    return np.where(labels == 1.0, -np.log(p), -np.log1p(-p))


def compare(paired: Paired, block: int, gains: Floats, weights: Floats, alpha: float) -> Paired:
    """Take in an epoch's comparisons.

    Labels of neighbouring cuts speak of the same weeks, and all of a day's users live through the
    same events; so single examples are not independent, and neither are epochs. What counts as an
    observation is the mean difference over a block, by default as long as the horizon, so that the
    horizons of two blocks overlap little. A block is closed by the first epoch of a later one.

    Parameters
    ----------
    block
        Number of the block that the epoch lies in, never lower than before.
    gains, weights
        Champion's minus challenger's log loss of each example, and its weight, shape (n,).
    alpha
        Level of the confidence sequence.

    """
    if paired.block is not None and block != paired.block:
        paired = _closed(paired, alpha)
    return replace(
        paired,
        block=block,
        total=paired.total + float(weights @ gains),
        weight=paired.weight + float(weights.sum()),
        examples=paired.examples + len(gains),
    )


def _closed(paired: Paired, alpha: float) -> Paired:
    """Its open block made an observation (Welford's update), unless it is empty."""
    if paired.weight <= 0.0:
        return replace(paired, block=None)
    count, found = paired.blocks + 1, paired.total / paired.weight
    mean = paired.mean + (found - paired.mean) / count
    squares = paired.squares + (found - paired.mean) * (found - mean)
    lower, upper = t_sequence(count, mean, squares, alpha) or (None, None)
    return replace(
        paired,
        blocks=count,
        mean=mean,
        squares=squares,
        lower=lower,
        upper=upper,
        block=None,
        total=0.0,
        weight=0.0,
    )
