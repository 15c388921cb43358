"""River's own models as one would plug them in: raw features, default settings, one pass.

What is not known is left out of the dict, as River wants it. Labels come as they mature, both
classes of a cut together, which already is kinder than most plugging in.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from river import base, compose, forest, linear_model, preprocessing, tree

from bench.learning.rows import Rows
from models.grid import Float, Int
from models.learning.scorer import as_dicts
from models.spec import Spec

Model = base.Classifier | compose.Pipeline
MODELS: dict[str, Callable[[], Model]] = {
    "river_lr": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "river_hat": lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=1),
    "river_arf": lambda: forest.ARFClassifier(seed=1),
}
ONE_USER_IN = {"river_lr": 1, "river_hat": 1, "river_arf": 7}
"""ARF takes milliseconds for an example: it learns and scores a seventh of the users."""


class Naive:
    """A River classifier, learned one by one."""

    def __init__(self, spec: Spec, rows: Rows, model: Model) -> None:
        self._rows, self._model, self._prior = rows, model, spec.model.prior

    def learn(self, _epoch: int, chosen: Int) -> None:
        """Learn the rows."""
        labels = self._rows.label[chosen].tolist()
        for row, label in zip(self._dicts(self._rows.complete[chosen]), labels, strict=True):
            self._model.learn_one(row, bool(label))

    def predict(self, _cut: int, chosen: Int) -> Float:
        """Ask it row by row; the prior where it has no opinion yet."""
        rows = self._dicts(self._rows.scored[chosen])
        said = [self._model.predict_proba_one(row).get(True, self._prior) for row in rows]
        return np.array(said, dtype=float)

    def megabytes(self) -> float:
        """The pickled model."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)
        try:
            return len(pickle.dumps(self._model)) / 1e6
        finally:
            sys.setrecursionlimit(before)

    def _dicts(self, matrix: Float) -> list[dict[Any, float]]:
        return as_dicts(self._rows.names, matrix)
