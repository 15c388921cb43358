"""Gradient boosting that goes on for ever, on a bounded sample of all history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from models.learning.base_rate import BaseRate
from models.learning.bins import Bins, Singles, singles
from models.learning.by_rows import ByRows
from models.learning.columns import Columns
from models.learning.compiled.oblivious import ObliviousForm, stacked
from models.learning.growing import Growing
from models.learning.numerics import Floats, logit
from models.learning.oblivious import Indices
from models.learning.reservoir import Reservoir


class BoostedTrees(ByRows):
    """Online gradient boosting of oblivious trees, on class-stratified reservoirs of history.

    After every so many examples one tree is grown (see ``Growing``) on the rows that the two
    reservoirs hold, weighted back to the classes' shares of all history. An ensemble that has all
    its trees is served from then on, and a new one begins, with new bins, so that everything
    older than the rows kept is forgotten in time and no tree has to be taken out of an ensemble
    (which unsettles those behind it: measured, AUC x .924). At first ensembles follow each other
    faster, one at the latest when the examples are twice as many as when it began.

    A missing value has a bin of its own, and at each split the way that suits the labels better.

    Until there are enough labels the logit is held near the base rate's:
    ``(1 - s) logit(base rate) + s F``, with s = m / (m + patience) and m the number of examples
    of the rarer class.

    Work: learning one example takes O(f); the one that makes a tree due takes
    ``O(capacity (f + columns f depth))`` besides, once in ``every`` examples; the one that begins
    an ensemble sorts the rows kept, once in ``trees * every``. Nothing else waits for it: figures
    are in ``docs/decisions/015-the-learners.md``. State is bounded: ``10 capacity (f + 4)`` bytes,
    and ``O(serve trees 2^depth)`` beside it. Deterministic for a seed and an order of examples.
    ``learn_many`` and ``form`` work on arrays; with the features declared they do exactly what the
    methods on dicts do.

    Parameters
    ----------
    features
        Names of the columns of arrays. Other names that come in dicts get columns after them.
    prior
        Base rate before anything was learned.
    prior_weight
        How many examples the prior counts for.
    trees
        Trees of an ensemble.
    depth
        Levels of a tree.
    rate
        Share of the Newton step that a tree takes.
    every
        Examples to a tree, when there are many.
    bins
        Into which the known values of a feature are sorted, at most.
    rows, columns
        Shares of the rows and features that choose a tree's splits.
    l2
        Precision of the normal prior of each leaf's value, in examples of the rarer class.
    serve
        Complete ensembles whose mean is served.
    capacity
        Rows kept of each class.
    recency
        γ of the reservoirs: 1 is uniform over history, more prefers the recent.
    patience
        Examples of the rarer class at which model and base rate count equally.
    max_features
        Names after this many are ignored.
    seed
        Seed of the reservoirs and of the trees' samples.

    Examples
    --------
    >>> model = BoostedTrees(prior=0.02)
    >>> model.predict_proba_one({"clicks": 3.0})[True]
    0.02
    >>> for i in range(400):
    ...     model.learn_one({"clicks": float(i % 20)}, i % 20 < 4)
    >>> model.predict_proba_one({"clicks": 1.0})[True] > 0.3
    True

    References
    ----------
    J. H. Friedman, Stochastic gradient boosting, Computational Statistics & Data Analysis 38
    (2002).

    """

    def __init__(
        self,
        features: tuple[str, ...] | None = None,
        prior: float = 0.1,
        prior_weight: float = 100.0,
        trees: int = 150,
        depth: int = 4,
        rate: float = 0.05,
        every: int = 32,
        bins: int = 32,
        rows: float = 0.5,
        columns: float = 0.5,
        l2: float = 5.0,
        serve: int = 1,
        capacity: int = 16384,
        recency: float = 1.0,
        patience: float = 100.0,
        max_features: int = 1024,
        seed: int = 1,
    ) -> None:
        self.features = features
        self.prior = prior
        self.prior_weight = prior_weight
        self.trees = trees
        self.depth = depth
        self.rate = rate
        self.every = every
        self.bins = bins
        self.rows = rows
        self.columns = columns
        self.l2 = l2
        self.serve = serve
        self.capacity = capacity
        self.recency = recency
        self.patience = patience
        self.max_features = max_features
        self.seed = seed
        self._columns = Columns(max_features)
        self._base = BaseRate(prior, prior_weight)
        self._reservoirs = tuple(Reservoir(capacity, 0, recency) for _ in range(2))
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._growing: Growing | None = None
        self._renewed: set[int] = set()
        self._pace = 1
        self._renew_at = 1
        self._due = 1
        self._grown: list[ObliviousForm] = []
        self._served: ObliviousForm | None = None
        self._add_columns(features or ())

    def form(self) -> ObliviousForm:
        """Compile to flat arrays, columns as in ``features`` (and newer names after them)."""
        served = self._served
        if served is None:
            served = _nothing(self.depth)
        return served.shrunk(self._base.trust(self.patience), logit(self._base.rate()))

    def _kept(self, raw: Floats) -> Singles:
        return singles(raw)

    def _learn_row(self, row: Singles, label: bool, weight: float) -> None:
        self._base.update(label, weight)
        place = self._reservoirs[label].offer(row, weight, self._rng)
        if place is not None:
            self._renewed.add(place + label * self.capacity)
        self._due -= 1
        if self._due <= 0:
            self._grow()

    def _grow(self) -> None:
        if not (len(self._columns) and all(len(part) for part in self._reservoirs)):
            return
        if self._growing is None:
            self._growing = self._begin()
        growing = self._growing
        changed = np.array(sorted(self._renewed), dtype=np.intp)
        self._renewed.clear()
        places, rows, labels, weights = self._sample()
        if len(changed):
            growing.put(changed, rows[np.searchsorted(places, changed)])
        sampled = self._rng.random(len(places)) < self.rows
        several = max(1, round(self.columns * len(self._columns)))
        columns = np.sort(self._rng.permutation(len(self._columns))[:several])
        growing.add(places, labels, weights, sampled, columns, self.rate, self.l2)
        self._due = self._pace
        if growing.complete or sum(self._base.counts) >= self._renew_at:
            self._grown = [*self._grown, growing.form()][-self.serve :]
            self._served = stacked(self._grown)
            self._growing = None
        elif not self._grown:
            self._served = growing.form()

    def _begin(self) -> Growing:
        places, rows, labels, weights = self._sample()
        share = float(weights @ labels) / float(weights.sum())
        bins, places_in_all = Bins.of(rows, self.bins), 2 * self.capacity
        growing = Growing(bins, logit(share), places_in_all, self.trees, self.depth)
        growing.put(places, rows)
        self._renewed.clear()
        count = sum(self._base.counts)
        self._pace = min(self.every, max(1, count // self.trees))
        self._renew_at = 2 * count
        return growing

    def _sample(self) -> tuple[Indices, Singles, Floats, Floats]:
        """Places (k,), rows (k, f), labels (k,) and weights (k,) of all that is kept."""
        kept = [reservoir.kept() for reservoir in self._reservoirs]
        rarer = int(np.argmin(self._base.totals))
        scale = len(kept[rarer][0]) / self._base.totals[rarer]
        weights = [
            (scale * total / max(float(w.sum()), 1e-300)) * w.astype(float)
            for total, (_, w) in zip(self._base.totals, kept, strict=True)
        ]
        places = [np.arange(len(rows)) + c * self.capacity for c, (rows, _) in enumerate(kept)]
        labels = [np.full(len(rows), float(c)) for c, (rows, _) in enumerate(kept)]
        return (
            np.concatenate(places),
            np.concatenate([rows for rows, _ in kept]),
            np.concatenate(labels),
            np.concatenate(weights),
        )

    def _add_columns(self, names: Iterable[Any]) -> None:
        if not self._columns.add(names):
            return
        for reservoir in self._reservoirs:
            reservoir.grow(len(self._columns))
        if self._growing is not None:
            self._growing.widen(len(self._columns))


def _nothing(depth: int) -> ObliviousForm:
    empty = np.zeros((0, depth))
    leaf = np.zeros((0, 1 << depth))
    return ObliviousForm(
        0.0, empty.astype(np.intp), empty.astype(np.float32), empty.astype(bool), leaf, leaf
    )
