"""What scores users: a frozen model behind one small protocol. Scoring changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from river import base

from models.learning.compiled.attribution import Attribution
from models.learning.compiled.mixture import Form
from models.learning.numerics import Bools, Floats
from models.spec import Spec
from models.staleness.belief import Belief, Degrade
from schemas.scores import Maturity

if TYPE_CHECKING:
    from models.learning.told_policies import Policies  # its models with a lag are made of scorers


class Scorer(Protocol):
    """A model version ready to score whole batches.

    Matrices have shape (n, f), float64, columns in the order of ``spec.features``, NaN where
    a value is not known. ``version`` 0 is the prior; its ``valid_from`` is None.
    """

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def version(self) -> int:
        """Number of the snapshot, 0 for the prior."""

    @property
    def valid_from(self) -> int | None:
        """Score times from which this version is in force, microseconds since the epoch."""

    @property
    def maturity(self) -> Maturity:
        """How much it has learned; ``prior``: it says the base rate."""

    @property
    def intercept(self) -> float | None:
        """Logit before any contribution; None for models that cannot say."""

    @property
    def policies(self) -> Policies | None:
        """What was learned about stale sources; None where nothing was."""

    def predict(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""

    def contributions(self, matrix: Floats) -> Floats | None:
        """Logit contributions, shape (n, f); None for models that cannot say."""

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), not knowing the values ``masked`` (n, f): policy ``degrade``.

        Nothing of a masked value reaches the result; with nothing masked it is ``predict``'s.
        """

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), under beliefs about some of the values: policy ``nowcast``.

        Nothing of an uncertain value in the matrix reaches the result. A belief without variance
        gives what ``predict`` says of its mean, one equal to the prior what ``marginal`` says
        (of models that are asked row by row, Hoeffding trees and forests of them only).
        """


@dataclass(frozen=True, slots=True)
class PriorScorer:
    """The base rate for everyone: what is known before anything was learned."""

    name: str
    prior: float
    version: int = 0
    valid_from: int | None = None
    maturity: Maturity = "prior"
    policies: Policies | None = None

    def predict(self, matrix: Floats) -> Floats:
        """Give the prior to each of the n rows."""
        return np.full(len(matrix), self.prior)

    def contributions(self, matrix: Floats) -> Floats | None:  # noqa: ARG002 - the protocol's
        """Nothing: no feature has a part in a prior."""
        return None

    def marginal(
        self,
        matrix: Floats,
        masked: Bools,  # noqa: ARG002 - the protocol's
        how: Degrade = "average",  # noqa: ARG002 - the protocol's
    ) -> Floats:
        """Give the prior to each of the n rows."""
        return self.predict(matrix)

    def expected(self, matrix: Floats, belief: Belief) -> Floats:  # noqa: ARG002 - the protocol's
        """Give the prior to each of the n rows."""
        return self.predict(matrix)

    @property
    def intercept(self) -> float | None:
        """Nothing: there are no contributions."""
        return None


@dataclass(frozen=True, slots=True)
class ArrayScorer:
    """A model as flat arrays. ``attribution``: what gives reasons, where the model adds up."""

    name: str
    version: int
    valid_from: int | None
    maturity: Maturity
    form: Form
    attribution: Attribution | None
    policies: Policies | None = None

    @property
    def intercept(self) -> float | None:
        """Logit before any contribution."""
        return None if self.attribution is None else self.attribution.intercept

    def predict(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,)."""
        return self.form.probabilities(matrix)

    def contributions(self, matrix: Floats) -> Floats | None:
        """Contributions that sum with ``intercept`` to the logit."""
        return None if self.attribution is None else self.attribution.contributions(matrix)

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), not knowing what is masked."""
        return self.form.marginal(matrix, masked, how)

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), under beliefs."""
        return self.form.expected(matrix, belief)


@dataclass(frozen=True, slots=True)
class RiverScorer:
    """Any River classifier, asked row by row with dicts of what is known."""

    name: str
    version: int
    valid_from: int | None
    maturity: Maturity
    model: base.Classifier
    features: tuple[str, ...]
    prior: float
    policies: Policies | None = None

    def predict(self, matrix: Floats) -> Floats:
        """P(churn), shape (n,); the prior where the model has no opinion."""
        rows = as_dicts(self.features, matrix)
        return np.array([probability(self.model, row, self.prior) for row in rows], dtype=float)

    def contributions(self, matrix: Floats) -> Floats | None:  # noqa: ARG002 - the protocol's
        """Nothing: the model is a black box here."""
        return None

    def marginal(self, matrix: Floats, masked: Bools, how: Degrade = "average") -> Floats:
        """P(churn), shape (n,), not knowing what is masked; see ``river_soft``."""
        return marginal_rows(self.model, self.features, self.prior, matrix, masked, how)

    def expected(self, matrix: Floats, belief: Belief) -> Floats:
        """P(churn), shape (n,), under beliefs; see ``river_soft``."""
        return expected_rows(self.model, self.features, self.prior, matrix, belief)

    @property
    def intercept(self) -> float | None:
        """Nothing: there are no contributions."""
        return None


def prior_scorer(spec: Spec) -> PriorScorer:
    """Scorer of version 0, in force until the first snapshot."""
    return PriorScorer(name=spec.model.name, prior=spec.model.prior)


def as_dicts(features: Sequence[str], matrix: Floats) -> list[dict[Any, float]]:
    """Rows of a matrix as dicts without the values that are not known or not finite."""
    known = np.isfinite(matrix)
    return [
        {name: value for name, value, ok in zip(features, row, mask, strict=True) if ok}
        for row, mask in zip(matrix.tolist(), known.tolist(), strict=True)
    ]


def as_matrix(features: Sequence[str], vectors: Sequence[dict[str, Any]]) -> Floats:
    """Matrix (n, f) of dicts, NaN where a feature is absent or None."""
    rows = [[_number(vector.get(name)) for name in features] for vector in vectors]
    return np.array(rows, dtype=float).reshape(len(vectors), len(features))


def probability(model: base.Classifier, row: dict[Any, float], prior: float) -> float:
    """P(churn) that a River model gives, or the prior when it gives none."""
    return float(model.predict_proba_one(row).get(True, prior))


def marginal_rows(
    model: base.Classifier,
    features: Sequence[Any],
    prior: float,
    matrix: Floats,
    masked: Bools,
    how: Degrade,
) -> Floats:
    """P(churn), shape (n,), that a River model gives row by row to what is not masked (n, f)."""
    # Imports most of River, which who asks compiled models can spare himself.
    from models.learning.river_soft import marginal_one

    rows = as_dicts(features, matrix)
    result = np.empty(len(rows))
    for i, (row, mask) in enumerate(zip(rows, masked, strict=True)):
        names = {features[j] for j in np.flatnonzero(mask).tolist()}
        said = marginal_one(model, row, names, how) if names else probability(model, row, prior)
        result[i] = prior if said is None else said
    return result


def expected_rows(
    model: base.Classifier,
    features: Sequence[Any],
    prior: float,
    matrix: Floats,
    belief: Belief,
) -> Floats:
    """P(churn), shape (n,), that a River model gives row by row under beliefs."""
    from models.learning.river_soft import Believed, expected_one

    known, unsure = as_dicts(features, belief.known(matrix)), belief.unsure
    soft = belief.soft(np.arange(matrix.shape[1]))
    result = np.empty(len(known))
    for i, row in enumerate(known):
        where = np.flatnonzero(unsure[i]).tolist()
        believed = {features[j]: Believed.of(soft, j, i) for j in where}
        said = expected_one(model, row, believed) if believed else probability(model, row, prior)
        result[i] = prior if said is None else said
    return result


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
