"""The same examples as dicts and as arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.learning.by_rows import ByRows


def learn_the_same(
    one: ByRows, many: ByRows, names: Sequence[str], examples: list[tuple[dict[Any, float], bool]]
) -> None:
    """Both say the same, bit by bit: one learns dicts, the other arrays."""
    for row, label in examples:
        one.learn_one(row, label)
    matrix = np.array([[row.get(n, math.nan) for n in names] for row, _ in examples])
    matrix = matrix.reshape(len(examples), len(names))
    many.learn_many(matrix, np.array([float(y) for _, y in examples]), np.ones(len(examples)))
    assert one.missing == many.missing
    for (row, _), values in zip(examples, matrix, strict=True):
        p = one.predict_proba_one(row)[True]
        assert p == many.form().probabilities(values[None])[0]
        assert 0.0 < p < 1.0
