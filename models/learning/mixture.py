"""Several classifiers as one: the mean of their logits, weighted by how they have predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
from river import base

from models.learning.columns import Columns
from models.learning.compiled.mixture import Form, MixtureForm
from models.learning.freezing import freeze, learn_rows
from models.learning.gate import Gate
from models.learning.judges import Judge, Judges
from models.learning.numerics import Floats, finite
from models.learning.oblivious import Indices


class Mixture(base.Classifier):
    """Mean of the members' logits, weighted by a gate that follows how each predicts.

    ``logit = Σ_k w_k logit_k``, w being ``Gate``'s. Members may be any River classifiers whose
    ``learn_one`` takes a weight; those of this package and those that ``compiled.shapes`` knows
    are asked as arrays, the others row by row.

    The gate sees what the members said when the example was scored: copies of them are frozen now
    and then, and each example is judged by one that had learned no more than what was known at that
    time (see ``learn_known``; the newest, where nobody says). Labels are late and neighbouring
    examples alike, so members that follow the latest ones would be flattered otherwise.

    State is that of the members and up to nine of their compiled forms (``Judges``), or whole
    copies of members that cannot be compiled. Deterministic where
    the members are. ``learn_many`` and ``form`` work on arrays; with the features declared they
    do exactly what the methods on dicts do.

    Parameters
    ----------
    members
        What is mixed. They are cloned: these themselves learn nothing.
    weights
        Of the members at first, one for each; None: all alike. They need not sum to 1.
    features
        Names of the columns of arrays. Other names that come in dicts get columns after them.
    prior
        What a member without an opinion counts as.
    eta, share
        The gate's learning rate and share.
    every
        Examples after which the members are frozen anew, at least.
    max_features
        Names after this many are ignored; the same for all members that have this parameter.

    Examples
    --------
    >>> from models.learning.boosted import BoostedTrees
    >>> from models.learning.replay_logistic import ReplayLogistic
    >>> model = Mixture((ReplayLogistic(), BoostedTrees()))
    >>> for i in range(400):
    ...     model.learn_one({"clicks": float(i % 20)}, i % 20 < 4)
    >>> model.predict_proba_one({"clicks": 1.0})[True] > 0.3
    True

    """

    def __init__(
        self,
        members: tuple[base.Classifier, ...],
        weights: tuple[float, ...] | None = None,
        features: tuple[str, ...] | None = None,
        prior: float = 0.1,
        eta: float = 0.1,
        share: float = 1e-4,
        every: int = 256,
        max_features: int = 1024,
    ) -> None:
        self.members = members
        self.weights = weights
        self.features = features
        self.prior = prior
        self.eta = eta
        self.share = share
        self.every = every
        self.max_features = max_features
        if any(getattr(m, "max_features", max_features) != max_features for m in members):
            raise ValueError(f"every member has to take as many features: {max_features}")
        self._models = [member.clone() for member in members]
        self._columns = Columns(max_features)
        self._columns.add(features or ())
        first = np.ones(len(members)) if weights is None else np.array(weights)
        self._gate = Gate(first / first.sum(), eta, share)
        self._judges = Judges(every)
        self._learned = 0

    @classmethod
    def _unit_test_params(cls) -> Any:
        from river import linear_model

        from models.learning.anchored import Anchored
        from models.learning.replay_logistic import ReplayLogistic

        logistic = ReplayLogistic(capacity=32, replay=2)
        yield {"members": (logistic, Anchored(linear_model.LogisticRegression()))}

    @property
    def missing(self) -> dict[Any, int]:
        """For each feature, how many of the rows learned since its first did not know it."""
        return self._columns.missing

    @property
    def shares(self) -> Floats:
        """Weight that each member has now, shape (k,), summing to 1."""
        return self._gate.weights

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:
        """Learn one example of weight ``w``; features come and go as they like."""
        now = np.array([self._learned])
        self._judge(self._columns.row(x)[None], np.array([float(bool(y))]), np.array([w]), now)
        self._columns.add(x)
        self._columns.count(self._columns.row(x)[None])
        for member in self._models:
            member.learn_one(x, bool(y), w=w)  # type: ignore[call-arg] # Anchored has it
        self._learned += 1

    def predict_proba_one(self, x: dict[Any, Any], **_: Any) -> dict[Any, float]:
        """Probabilities of True and False."""
        p = float(self.form().probabilities(self._columns.row(x)[None])[0])
        return {True: p, False: 1.0 - p}

    def learn_many(self, matrix: Floats, labels: Floats, weights: Floats) -> None:
        """Learn rows in order: matrix (n, f) of the declared features, NaN = unknown."""
        self.learn_known(matrix, labels, weights, self._learned + np.arange(len(matrix)))

    def learn_known(self, matrix: Floats, labels: Floats, weights: Floats, known: Indices) -> None:
        """Learn rows in order, n of them, the members being judged as when the rows were scored.

        Parameters
        ----------
        matrix
            Shape (n, f), columns as in ``features``, NaN = unknown.
        labels, weights
            Shape (n,).
        known
            How many of all the examples learned before were known when each row was scored, (n,).

        """
        begun = 0
        while begun < len(matrix):
            self._freeze_if_due(int(known[begun]))
            part = slice(begun, begun + self._judges.room(self._learned))
            some = finite(matrix[part])
            rows = self._columns.rows(some)
            self._judge(rows, labels[part], weights[part], known[part])
            self._columns.count(rows)
            for member in self._models:
                learn_rows(member, self.features or (), some, labels[part], weights[part])
            self._learned += len(some)
            begun += len(some)

    def form(self) -> MixtureForm:
        """Compile to flat arrays, columns as in ``features`` (and newer names after them)."""
        return MixtureForm(self.shares, self._freeze())

    def _judge(self, rows: Floats, labels: Floats, weights: Floats, known: Indices) -> None:
        """Let the gate see what the frozen members say about rows before these are learned."""
        self._freeze_if_due(int(known[0]))
        for each in self._judges.losses(rows, labels, weights, known):
            self._gate.update(each)

    def _freeze_if_due(self, known: int) -> None:
        if self._judges.due(self._learned):
            judge = Judge(self._learned, len(self._columns), self._freeze())
            self._judges.add(judge, known)

    def _freeze(self) -> tuple[Form, ...]:
        names = tuple(self._columns.places)
        return tuple(freeze(member, names, self.prior) for member in self._models)
