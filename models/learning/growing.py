"""An ensemble that is growing, tree by tree, on rows that come and go."""

from __future__ import annotations

import numpy as np

from models.learning.bins import Bins, Codes, Singles
from models.learning.compiled.oblivious import ObliviousForm
from models.learning.numerics import Bools, Floats, sigmoid
from models.learning.oblivious import Indices, grow, leaves


class Growing:
    """Boosted oblivious trees on places, each of which holds a row, coded, and its logit so far.

    Each tree takes one Newton step on the log loss, fitted to what the trees before it have left:

        g = ω (σ(F) - y),  h = ω σ(F) (1 - σ(F)),  F ← F - rate Σ_leaf G / (H + l2)

    Parameters
    ----------
    bins
        How values are coded, for as long as this ensemble grows.
    intercept
        Logit that it begins with.
    places
        How many rows there may be.
    trees, depth
        How many trees there will be, of how many levels.

    References
    ----------
    J. H. Friedman, Greedy function approximation: a gradient boosting machine, Annals of
    Statistics 29 (2001). T. Chen, C. Guestrin, XGBoost, KDD 2016 (Newton steps). L. Prokhorenkova
    et al., CatBoost, NeurIPS 2018 (oblivious trees).

    """

    def __init__(self, bins: Bins, intercept: float, places: int, trees: int, depth: int) -> None:
        self.bins = bins
        self.intercept = intercept
        self.grown = 0
        self._codes: Codes = np.zeros((places, len(bins.edges)), dtype=np.uint8)
        self._logits = np.zeros(places)
        self._feature = np.zeros((trees, depth), dtype=np.intp)
        self._edge = np.zeros((trees, depth), dtype=np.intp)
        self._right = np.zeros((trees, depth), dtype=bool)
        self._values = np.zeros((trees, 1 << depth))
        self._weights = np.zeros((trees, 1 << depth))

    @property
    def complete(self) -> bool:
        """Whether it has all its trees."""
        return self.grown == len(self._feature)

    def put(self, places: Indices, rows: Singles) -> None:
        """Put rows (k, f) into places (k,)."""
        self._codes[places] = self.bins.codes(rows)
        self._logits[places] = self.form().logits(rows)

    def add(
        self,
        places: Indices,
        labels: Floats,
        weights: Floats,
        sampled: Bools,
        columns: Indices,
        rate: float,
        l2: float,
    ) -> None:
        """Grow one tree more.

        Parameters
        ----------
        places
            Which rows there are, shape (k,).
        labels, weights
            Theirs, shape (k,).
        sampled
            Which of them choose the splits, shape (k,); all of them set the leaves' values.
        columns
            Features that may be split on, shape (c,).

        """
        codes, logits = self._codes[places], self._logits[places]
        missing, depth = self.bins.missing, self._feature.shape[1]
        p = sigmoid(logits)
        gradient, hessian = weights * (p - labels), weights * p * (1.0 - p)
        some = np.flatnonzero(sampled)
        levels = grow(codes[some], missing, gradient[some], hessian[some], columns, depth, l2)
        leaf = leaves(codes, missing, *levels)
        g, h, total = (np.bincount(leaf, part, 1 << depth) for part in (gradient, hessian, weights))
        values = -rate * g / (h + l2)
        self._logits[places] = logits + values[leaf]
        self._feature[self.grown], self._edge[self.grown], self._right[self.grown] = levels
        self._values[self.grown], self._weights[self.grown] = values, total
        self.grown += 1

    def widen(self, columns: int) -> None:
        """Make room for new columns, unknown in the rows that are there."""
        more = columns - self._codes.shape[1]
        self.bins = self.bins.grow(columns)
        self._codes = np.pad(self._codes, ((0, 0), (0, more)), constant_values=self.bins.missing)

    def form(self) -> ObliviousForm:
        """Compile the trees that have grown so far."""
        trees = slice(self.grown)
        feature = self._feature[trees]
        return ObliviousForm(
            intercept=self.intercept,
            feature=feature.copy(),
            threshold=self.bins.edges[feature, self._edge[trees]],
            unknown_right=self._right[trees].copy(),
            values=self._values[trees].copy(),
            weights=self._weights[trees].copy(),
        )
