"""What the learners of rows have in common: dicts and arrays come to the same rows, in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from river import base

from models.learning.base_rate import BaseRate
from models.learning.columns import Columns
from models.learning.compiled.mixture import Form
from models.learning.design import Design
from models.learning.numerics import Floats, logit
from models.learning.seeded import Seeded


class ByRows(Seeded, base.Classifier):
    """Learns rows (f,) one after the other, whether they come as dicts or in arrays."""

    _columns: Columns

    @property
    def missing(self) -> dict[Any, int]:
        """For each feature, how many of the rows learned since its first did not know it."""
        return self._columns.missing

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:
        """Learn one example of weight ``w``; features come and go as they like."""
        self._add_columns(x)
        self._learn_rows(self._columns.row(x)[None], [bool(y)], [w])

    def predict_proba_one(self, x: dict[Any, Any], **_: Any) -> dict[Any, float]:
        """Probabilities of True and False."""
        p = float(self.form().probabilities(self._columns.row(x)[None])[0])
        return {True: p, False: 1.0 - p}

    def learn_many(self, matrix: Floats, labels: Floats, weights: Floats) -> None:
        """Learn rows in order: matrix (n, f) of the declared features, NaN = unknown.

        Parameters
        ----------
        matrix
            Shape (n, f), columns as in ``features``.
        labels, weights
            Shape (n,).

        """
        rows = self._columns.rows(matrix)
        self._learn_rows(rows, labels.astype(bool).tolist(), weights.tolist())

    @abstractmethod
    def form(self) -> Form:
        """Compile to flat arrays, columns as in ``features`` (and newer names after them)."""

    def _learn_rows(self, raw: Floats, labels: Sequence[bool], weights: Sequence[float]) -> None:
        rows = self._kept(raw)
        self._columns.count(rows)
        for row, label, weight in zip(rows, labels, weights, strict=True):
            self._learn_row(row, label, weight)

    @abstractmethod
    def _kept(self, raw: Floats) -> Any:
        """Raw rows (n, f) as they are kept and learned."""

    @abstractmethod
    def _learn_row(self, row: Any, label: bool, weight: float) -> None: ...

    @abstractmethod
    def _add_columns(self, names: Iterable[Any]) -> None: ...


class LinearByRows(ByRows):
    """One that is linear in a design, and held near the base rate until there are enough labels."""

    raw: tuple[str, ...] | None
    patience: float
    _design: Design
    _base: BaseRate

    def _kept(self, raw: Floats) -> Floats:
        return self._design.transformed(raw)

    def _held(self, intercept: float) -> tuple[float, float]:
        """How far the model is trusted, and the intercept between the base rate's and its own."""
        trust = self._base.trust(self.patience)
        return trust, (1.0 - trust) * logit(self._base.rate()) + trust * intercept

    def _grow_design(self, added: Sequence[Any]) -> None:
        """Take in new features, by name."""
        logged = np.array([name not in (self.raw or ()) for name in added], dtype=bool)
        self._design = self._design.grown(logged)
