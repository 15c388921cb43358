"""Members of any kind, learning from arrays and frozen to be asked."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from river import base

from models.learning.compiled.errors import NotCompilable
from models.learning.compiled.mixture import Form
from models.learning.numerics import Bools, Floats, logits_of
from models.learning.oblivious import Indices
from models.learning.scorer import as_dicts, expected_rows, marginal_rows, probability
from models.staleness.belief import Belief, Degrade


@runtime_checkable
class ArrayLearner(Protocol):
    """Learns whole arrays, and compiles itself."""

    def learn_many(self, matrix: Floats, labels: Floats, weights: Floats) -> None:
        """Learn rows in order: matrix (n, f) of the declared features, NaN = unknown."""

    def form(self) -> Any:
        """Compile to flat arrays."""


@runtime_checkable
class TimedLearner(Protocol):
    """Judges its parts by what was known when each row was scored."""

    def learn_known(self, matrix: Floats, labels: Floats, weights: Floats, known: Indices) -> None:
        """Learn rows in order; known (n,): examples learned before that were known then."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A copy of a River classifier, asked row by row with dicts of what is known."""

    model: base.Classifier
    features: tuple[Any, ...]
    prior: float

    def logits(self, matrix: Floats) -> Floats:
        """Logits, shape (n,)."""
        return logits_of(self.probabilities(matrix))

    def probabilities(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,); the prior where the model has no opinion."""
        rows = as_dicts(self.features, matrix)
        return np.array([probability(self.model, row, self.prior) for row in rows], dtype=float)

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), the values ``masked`` (n, f) being left out."""
        return marginal_rows(self.model, self.features, self.prior, matrix, masked, how)

    def marginal_logits(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """Logits, shape (n,), likewise."""
        return logits_of(self.marginal(matrix, masked, how))

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), under beliefs about some of the values."""
        return expected_rows(self.model, self.features, self.prior, matrix, belief)

    def expected_logits(self, matrix: Floats, belief: Belief) -> Floats:
        """Logits, shape (n,), likewise."""
        return logits_of(self.expected(matrix, belief))


def freeze(
    model: base.Classifier, features: Sequence[Any], prior: float, copied: bool = True
) -> Form:
    """What goes on to say what the model says now, on matrices with these columns.

    A model that has no arrays is asked itself; a copy of it where it is going to learn.
    """
    if isinstance(model, ArrayLearner):
        form: Form = model.form()
        return form
    # River's forests take two seconds to import, and only who learns compiles.
    from models.learning.compiled.shapes import compile_anchored

    try:
        return compile_anchored(model, features)
    except NotCompilable:
        return Asked(copy.deepcopy(model) if copied else model, tuple(features), prior)


def learn_rows(
    model: base.Classifier,
    features: Sequence[str],
    matrix: Floats,
    labels: Floats,
    weights: Floats,
    known: Indices | None = None,
) -> None:
    """Teach any classifier rows (n, f), in order.

    known: of the examples it has learned before, how many were known when each row was scored,
    shape (n,); None: all of them.
    """
    if known is not None and isinstance(model, TimedLearner):
        model.learn_known(matrix, labels, weights, known)
        return
    if isinstance(model, ArrayLearner):
        model.learn_many(matrix, labels, weights)
        return
    rows = as_dicts(features, matrix)
    for row, label, weight in zip(rows, labels.tolist(), weights.tolist(), strict=True):
        model.learn_one(row, bool(label), w=weight)  # type: ignore[call-arg] # Anchored has it
