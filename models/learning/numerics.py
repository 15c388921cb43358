"""The few functions every estimator here uses, on float64 arrays.

All work element by element, so that a row's result does not depend, not even in its last
bit, on which other rows are in the batch.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGEST = 1e150
"""What is larger counts as this. River squares differences in Python, which raises on overflow: a
single absurd event would stop an adaptive tree's trainer for ever."""


def signed_log1p(x: Floats) -> Floats:
    """Compress heavy tails on both sides of zero: ``sign(x) log(1 + |x|)``. Keeps NaN.

    >>> signed_log1p(np.array([-1.0, 0.0, 1e12])).round(3).tolist()
    [-0.693, 0.0, 27.631]
    """
    magnitude = np.abs(x)
    return np.copysign(np.log1p(magnitude, out=magnitude), x, out=magnitude)


def sigmoid(logits: Floats) -> Floats:
    """``1 / (1 + exp(-logit))`` without overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


def softplus(x: Floats) -> Floats:
    """``log(1 + exp(x))`` without overflow: the log loss of a logit -x of what came true.

    >>> softplus(np.array([-1000.0, 0.0, 1000.0])).round(3).tolist()
    [0.0, 0.693, 1000.0]
    """
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def logits_of(probabilities: Floats) -> Floats:
    """``log(p / (1 - p))``, p cut to ``[1e-12, 1 - 1e-12]``.

    >>> logits_of(np.array([0.0, 0.5, 1.0])).round(1).tolist()
    [-27.6, 0.0, 27.6]
    """
    cut = np.minimum(np.maximum(probabilities, 1e-12), 1.0 - 1e-12)
    return np.log(cut) - np.log1p(-cut)


def logit(probability: float) -> float:
    """``log(p / (1 - p))``.

    >>> logit(0.5)
    0.0
    """
    return math.log(probability) - math.log1p(-probability)


def finite(matrix: Floats) -> Floats:
    """Copy with infinities made unknown (NaN) and the rest within ``±LARGEST``, rows contiguous.

    >>> finite(np.array([-math.inf, -1e300, 2.0])).tolist()
    [nan, -1e+150, 2.0]
    """
    cut = np.maximum(matrix, -LARGEST, order="C")
    np.minimum(cut, LARGEST, out=cut)
    np.copyto(cut, np.nan, where=~np.isfinite(matrix))
    return cut
