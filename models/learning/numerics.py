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


def signed_log1p(x: Floats) -> Floats:
    """Compress heavy tails on both sides of zero: ``sign(x) log(1 + |x|)``. Keeps NaN.

    >>> signed_log1p(np.array([-1.0, 0.0, 1e12])).round(3).tolist()
    [-0.693, 0.0, 27.631]
    """
    return np.copysign(np.log1p(np.abs(x)), x)


def sigmoid(logits: Floats) -> Floats:
    """``1 / (1 + exp(-logit))`` without overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


def logit(probability: float) -> float:
    """``log(p / (1 - p))``.

    >>> logit(0.5)
    0.0
    """
    return math.log(probability) - math.log1p(-probability)


def finite(matrix: Floats) -> Floats:
    """Copy with infinities made unknown (NaN), rows contiguous."""
    return np.where(np.isfinite(matrix), matrix, np.nan)
