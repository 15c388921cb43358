"""Two rules that need no model: the base rate so far, and how long the user has been silent."""

from __future__ import annotations

import pickle

import numpy as np

from bench.learning.rows import Rows
from models.grid import Float, Int
from models.spec import Spec

PRIOR_ROWS = 100.0
"""The configured prior counts as so many rows."""
BIN_ROWS = 20.0
"""The same for each bin of silence, at the base rate known by then."""
BINS = 32


class BaseRate:
    """The rate of all that has matured."""

    def __init__(self, spec: Spec, rows: Rows) -> None:
        self._rows = rows
        self.positives = PRIOR_ROWS * spec.model.prior
        self.examples = PRIOR_ROWS

    @property
    def rate(self) -> float:
        """Rate so far."""
        return self.positives / self.examples

    def learn(self, _epoch: int, chosen: Int) -> None:
        """Count."""
        weight = self._rows.weight[chosen]
        self.positives += float((weight * self._rows.label[chosen]).sum())
        self.examples += float(weight.sum())

    def predict(self, _cut: int, chosen: Int) -> Float:
        """Say the same for everyone."""
        return np.full(len(chosen), self.rate)

    def megabytes(self) -> float:
        """Two numbers."""
        return 16 / 1e6


class Recency:
    """The rate among those who had been silent for as long: bins of the silence's logarithm.

    The bins' edges are powers of the square root of two, in hours, so they know no data set; never
    seen is a bin too.
    """

    def __init__(self, spec: Spec, rows: Rows, feature: str) -> None:
        self._base = BaseRate(spec, rows)
        self._rows = rows
        self._column = rows.names.index(feature)
        self._positives, self._examples = np.zeros(BINS + 1), np.zeros(BINS + 1)

    def learn(self, epoch: int, chosen: Int) -> None:
        """Count in each bin."""
        self._base.learn(epoch, chosen)
        bins = self._bins(self._rows.complete[chosen, self._column])
        weight = self._rows.weight[chosen]
        np.add.at(self._positives, bins, weight * self._rows.label[chosen])
        np.add.at(self._examples, bins, weight)

    def predict(self, _cut: int, chosen: Int) -> Float:
        """Say the rate of each row's bin."""
        rates = self._positives + BIN_ROWS * self._base.rate
        rates = rates / (self._examples + BIN_ROWS)
        return np.asarray(rates[self._bins(self._rows.scored[chosen, self._column])])

    def megabytes(self) -> float:
        """Two numbers for each bin."""
        return len(pickle.dumps((self._positives, self._examples))) / 1e6

    def _bins(self, silence: Float) -> Int:
        hours = np.maximum(np.nan_to_num(silence, nan=0.0) / 3600.0, 1.0)
        bins = np.minimum(2.0 * np.log2(hours), BINS - 1).astype(np.int64)
        return np.where(np.isnan(silence), BINS, bins)
