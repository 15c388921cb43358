"""Logistic regression that is fitted anew now and then, to a uniform sample of all history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from models.learning.base_rate import BaseRate
from models.learning.by_rows import LinearByRows
from models.learning.columns import Columns
from models.learning.design import Design
from models.learning.linear import LinearForm
from models.learning.newton import newton_step
from models.learning.numerics import Floats, logit
from models.learning.reservoir import Reservoir
from models.learning.scale import Scale

_LEAST = np.finfo(float).tiny
_INTERCEPT = 1e-9
_MULTIPLICATIONS = 1e9
"""Of a step at most: where there are very many features it takes every so many-th row."""


class RefittedLogistic(LinearByRows):
    """Logistic regression near the penalised optimum of all history, for a mixture.

    Examples go into two reservoirs, one a class, uniform over history. After 1, 2, 3 … examples,
    then each time there are a tenth more, the scale is taken from them anew and the weights take
    one Newton step (``newton_step``) towards the minimum of

        Σ_i ω_i loss_i(b + θ·d_i) + λ/n |θ|² / 2,     Σ_{i in class c} ω_i = n_c / n

    So it says what a batch learner would say that is fitted to a sample of all matured examples;
    a step follows the next by so little that one is enough. ``ReplayLogistic`` lags behind that
    optimum, which is worse where a cohort's life goes on as it has (CDNOW: log loss 2.4 %), and
    better where the next weeks are unlike all history (OULAD, calendar reversed: 1.2 %): a mixture
    finds out which. Between two steps nothing changes but the base rate.

    The design d of a row is that of ``ReplayLogistic``: values, signed log1p (unless ``raw``),
    standardised, and absences, each with a weight. Until there are enough labels the logit is held
    near the base rate's, as there.

    State is bounded: ``8 capacity (f + 1)`` bytes of reservoirs and ``O(f)`` beside it. A step
    takes ``O(capacity f²)``, of so many rows at most that this is 10^9: about .1 s, once for a
    tenth of history. Deterministic for a seed and an order of examples. ``learn_many`` and ``form``
    work on arrays; with the features declared they do exactly what the methods on dicts do.

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
    precision
        λ, precision of the normal prior of each weight: its pull fades as 1/n.
    capacity
        Rows kept of each class.
    limit
        Bound of standardised values.
    patience
        Examples of the rarer class at which model and base rate count equally.
    max_features
        Names after this many are ignored.
    seed
        Seed of the reservoirs.

    Examples
    --------
    >>> model = RefittedLogistic(prior=0.02)
    >>> for i in range(400):
    ...     model.learn_one({"clicks": float(i % 20)}, i % 20 < 4)
    >>> model.predict_proba_one({"clicks": 1.0})[True] > 0.3
    True

    References
    ----------
    J. S. Vitter, Random sampling with a reservoir, ACM TOMS 11 (1985).

    """

    def __init__(
        self,
        features: tuple[str, ...] | None = None,
        raw: tuple[str, ...] | None = None,
        prior: float = 0.1,
        prior_weight: float = 100.0,
        precision: float = 30.0,
        capacity: int = 8192,
        limit: float = 4.0,
        patience: float = 100.0,
        max_features: int = 1024,
        seed: int = 1,
    ) -> None:
        self.features = features
        self.raw = raw
        self.prior = prior
        self.prior_weight = prior_weight
        self.precision = precision
        self.capacity = capacity
        self.limit = limit
        self.patience = patience
        self.max_features = max_features
        self.seed = seed
        self._columns = Columns(max_features)
        self._design = Design.empty(limit)
        self._base = BaseRate(prior, prior_weight)
        self._reservoirs = tuple(Reservoir(capacity, 0) for _ in range(2))
        self._fit_at = 1
        self._theta = np.array([logit(prior)])
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._add_columns(features or ())

    def form(self) -> LinearForm:
        """Compile to flat arrays, columns as in ``features`` (and newer names after them)."""
        trust, intercept = self._held(float(self._theta[0]))
        return self._design.form(intercept, trust * self._theta[1:].reshape(-1, 2).T)

    def _learn_row(self, row: Floats, label: bool, weight: float) -> None:
        self._base.update(label, weight)
        self._reservoirs[label].offer(row, weight, self._rng)
        count = sum(self._base.counts)
        if count >= self._fit_at:
            self._fit_at = count + 1 + count // 10
            self._fit()

    def _fit(self) -> None:
        """Take the scale from the reservoirs anew, and a Newton step."""
        parts: list[Floats] = []
        shares: list[Floats] = []
        most = max(1, int(_MULTIPLICATIONS / len(self._theta) ** 2 / 2))
        for reservoir, total in zip(self._reservoirs, self._base.totals, strict=True):
            some = slice(None, None, -(-len(reservoir) // most) or None)
            part, kept = (of[some].astype(float) for of in reservoir.kept())
            parts.append(part)
            shares.append(total / max(float(kept.sum()), _LEAST) * kept)
        rows, weights = np.concatenate(parts), np.concatenate(shares)
        self._design = self._design.rescaled(Scale.of(rows, weights))
        if not all(self._base.counts):
            return
        labels = np.repeat([0.0, 1.0], [len(part) for part in parts])
        design = self._design.flat(rows)
        ridge = np.full(len(self._theta), self.precision / sum(self._base.totals))
        ridge[0] = _INTERCEPT
        self._theta = newton_step(self._theta, design, labels, weights / weights.sum(), ridge)

    def _add_columns(self, names: Iterable[Any]) -> None:
        added = self._columns.add(names)
        if not added:
            return
        for reservoir in self._reservoirs:
            reservoir.grow(len(self._columns))
        self._grow_design(added)
        self._theta = np.pad(self._theta, (0, 2 * len(added)))
