"""Logistic regression that learns each example again and again, from a sample of all history."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from models.learning.base_rate import BaseRate
from models.learning.by_rows import LinearByRows
from models.learning.columns import Columns
from models.learning.design import Design
from models.learning.linear import LinearForm
from models.learning.numerics import Floats, logit, sigmoid
from models.learning.reservoir import Reservoir
from models.learning.scale import Scale

_LEAST = np.finfo(float).tiny


class ReplayLogistic(LinearByRows):
    """Online logistic regression with replay from a class-stratified, uniform reservoir.

    A stream of delayed labels brings one phase of the users' lives at a time; a plain online
    model forgets the others (measured: worse than the base rate in log loss). So each example
    takes one step on itself and on ``replay`` earlier examples of each class, drawn uniformly
    from all history, weighted back to the classes' shares of all history:

        g = Σ_i ω_i (σ(b + θ·d_i) - y_i) d_i + (λ/n) θ,     Σ_{i in class c} ω_i = n_c / n
        G ← G + g²,   θ ← θ - lr g / √G                                       (AdaGrad)

    The design d of a row has two entries for each feature: its value, signed log1p (unless
    ``raw``), standardised by the reservoir's winsorised moments and clipped to ``±limit``, 0
    where unknown; and whether it is unknown, standardised likewise. So a missing value has
    a weight of its own.

    Until there are enough labels the logit is held near the base rate's:
    ``(1 - s) logit(base rate) + s (b + θ·d)``, with s = m / (m + patience) and m the number of
    examples of the rarer class.

    State is bounded: ``8 capacity (f + 1)`` bytes of reservoir and ``O(f)`` beside it.
    Deterministic for a seed and an order of examples. ``learn_many`` and ``form`` work on
    arrays; with the features declared they do exactly what the methods on dicts do.

    Parameters
    ----------
    features
        Names of the columns of arrays. Other names that come in dicts get columns after them.
    raw
        Features that are not put through the signed log1p.
    prior
        Base rate before anything was learned.
    prior_weight
        How many examples the prior counts for.
    lr
        AdaGrad's step size.
    precision
        λ, precision of the normal prior of each weight: its pull fades as 1/n, so it is strong
        while examples are few.
    replay
        Rows replayed of each class with every example.
    capacity
        Rows kept of each class.
    recency
        γ of the reservoirs: 1 is uniform over history, more prefers the recent.
    limit
        Bound of standardised values.
    patience
        Examples of the rarer class at which model and base rate count equally.
    caution
        What AdaGrad's sums of squares begin with: larger means smaller first steps.
    max_features
        Names after this many are ignored.
    seed
        Seed of the reservoir and of the replay.

    Examples
    --------
    >>> model = ReplayLogistic(prior=0.02)
    >>> model.predict_proba_one({"clicks": 3.0})[True]
    0.02
    >>> for i in range(400):
    ...     model.learn_one({"clicks": float(i % 20)}, i % 20 < 4)
    >>> model.predict_proba_one({"clicks": 1.0})[True] > 0.3
    True

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, Adaptive subgradient methods for online learning and
    stochastic optimization, JMLR 12 (2011).

    J. S. Vitter, Random sampling with a reservoir, ACM TOMS 11 (1985).

    D. Rolnick et al., Experience replay for continual learning, NeurIPS 2019.

    """

    def __init__(
        self,
        features: tuple[str, ...] | None = None,
        raw: tuple[str, ...] | None = None,
        prior: float = 0.1,
        prior_weight: float = 100.0,
        lr: float = 0.1,
        precision: float = 30.0,
        replay: int = 8,
        capacity: int = 16384,
        recency: float = 1.0,
        limit: float = 4.0,
        patience: float = 100.0,
        caution: float = 0.1,
        max_features: int = 1024,
        seed: int = 1,
    ) -> None:
        self.features = features
        self.raw = raw
        self.prior = prior
        self.prior_weight = prior_weight
        self.lr = lr
        self.precision = precision
        self.replay = replay
        self.capacity = capacity
        self.recency = recency
        self.limit = limit
        self.patience = patience
        self.caution = caution
        self.max_features = max_features
        self.seed = seed
        self._columns = Columns(max_features)
        self._design = Design.empty(limit)
        self._rescale_at = 1
        self._theta = np.zeros((2, 0))
        self._squares = np.zeros((2, 0))
        self._intercept = logit(prior)
        self._intercept_squares = caution
        self._base = BaseRate(prior, prior_weight)
        self._reservoirs = tuple(Reservoir(capacity, 0, recency) for _ in range(2))
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._add_columns(features or ())

    def form(self) -> LinearForm:
        """Compile to flat arrays, columns as in ``features`` (and newer names after them)."""
        trust, intercept = self._held(self._intercept)
        return self._design.form(intercept, trust * self._theta)

    # ------------------------------------------------------------------ learning

    def _learn_row(self, row: Floats, label: bool, weight: float) -> None:
        self._base.update(label, weight)
        if len(self._reservoirs[not label]):
            self._step(*self._batch(row, label, weight))
        self._reservoirs[label].offer(row, weight, self._rng)
        if sum(self._base.counts) >= self._rescale_at:
            self._rescale()

    def _batch(self, row: Floats, label: bool, weight: float) -> tuple[Floats, Floats, Floats]:
        """Rows to step on (k, f), the new one first, their labels and their weights ω (k,)."""
        chances = self._rng.random((2, self.replay))
        (rows0, weights0), (rows1, weights1) = (
            reservoir.draw(chances[of]) for of, reservoir in enumerate(self._reservoirs)
        )
        rows: Floats = np.concatenate((row[None], rows0, rows1))
        weights: Floats = np.concatenate((np.array([weight]), weights0, weights1))
        labels = np.zeros(len(rows))
        labels[0] = label
        labels[1 + len(rows0) :] = 1.0
        negative, positive = float(weights @ (1.0 - labels)), float(weights @ labels)
        share = self._base.totals[1] / sum(self._base.totals)
        weights *= np.where(labels == 1.0, share / positive, (1.0 - share) / negative)
        return rows, labels, weights

    def _step(self, rows: Floats, labels: Floats, weights: Floats) -> None:
        design = self._design.of(rows)
        logits = self._intercept + (design * self._theta).sum(axis=(1, 2))
        residuals = weights * (sigmoid(logits) - labels)
        gradient = (residuals[:, None, None] * design).sum(axis=0)
        gradient += self.precision / sum(self._base.totals) * self._theta
        self._squares += gradient * gradient
        self._theta -= self.lr * gradient / np.sqrt(self._squares)
        slope = float(residuals.sum())
        self._intercept_squares += slope * slope
        self._intercept -= self.lr * slope / math.sqrt(self._intercept_squares)

    def _rescale(self) -> None:
        """Take the scale from the reservoirs anew: after 1, 2, 3 … examples, then every 10 %."""
        kept = [reservoir.kept() for reservoir in self._reservoirs]
        shares = [
            total / max(float(weights.sum()), _LEAST) * weights
            for total, (_, weights) in zip(self._base.totals, kept, strict=True)
        ]
        rows = np.concatenate([rows for rows, _ in kept]).astype(float)
        scale = Scale.of(rows, np.concatenate(shares).astype(float))
        self._design = self._design.rescaled(scale)
        count = sum(self._base.counts)
        self._rescale_at = count + 1 + count // 10

    # ------------------------------------------------------------------ columns

    def _add_columns(self, names: Iterable[Any]) -> None:
        added = self._columns.add(names)
        if not added:
            return
        more = len(added)
        self._theta = np.pad(self._theta, ((0, 0), (0, more)))
        self._squares = np.pad(self._squares, ((0, 0), (0, more)), constant_values=self.caution)
        for reservoir in self._reservoirs:
            reservoir.grow(len(self._columns))
        self._grow_design(added)
