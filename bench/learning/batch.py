"""The batch learners to be shamed by: retrained every 28 days on all that has matured.

Their settings are chosen once, on the examples that had matured by the data set's
``report_from``: learned on two thirds of the users, judged by log loss on the others, then kept.
"""

from __future__ import annotations

import pickle
from itertools import product
from typing import Any, Protocol

import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression

from bench.learning.metrics import losses
from bench.learning.rows import Rows
from bench.learning.rules import BaseRate
from models.grid import Bool, Float, Int
from models.spec import Spec
from schemas.times import DAY

RETRAIN = 28 * DAY
JUDGED = 3
"""One user in so many judges the settings."""
LEAST_POSITIVES = 10
"""Of the rarer class, before a model is fitted at all: until then the base rate is said."""
ROUNDS = (25, 50, 75, 100, 150, 200, 300)
Settings = dict[str, Any]


class Fitted(Protocol):
    """A model that was fitted."""

    def predict(self, matrix: Float) -> Float:
        """P(churn), shape (n,)."""


class Family(Protocol):
    """A kind of model."""

    def settings(self, train: Rows, judge: Rows, /) -> Settings:
        """The best settings."""

    def fit(self, matrix: Float, label: Float, weight: Float, settings: Settings) -> Fitted:
        """Fit a model."""


class Batch:
    """Keeps every matured row; fits anew when the last time is 28 days ago.

    Parameters
    ----------
    family
        What is fitted.
    settings
        As :func:`choose` found them.

    """

    def __init__(self, spec: Spec, rows: Rows, family: Family, settings: Settings) -> None:
        self._rows, self._family, self._settings = rows, family, settings
        self._base = BaseRate(spec, rows)
        self._matured: list[Int] = []
        self._fitted: Fitted | None = None
        self._fitted_at = 0

    def learn(self, epoch: int, chosen: Int) -> None:
        """Put the rows to the others."""
        self._base.learn(epoch, chosen)
        self._matured.append(chosen)

    def predict(self, cut: int, chosen: Int) -> Float:
        """Score, after fitting anew where it is time."""
        if cut >= self._fitted_at + RETRAIN and self._matured:
            self._fit(cut)
        if self._fitted is None:
            return self._base.predict(cut, chosen)
        return self._fitted.predict(self._rows.scored[chosen])

    def _fit(self, cut: int) -> None:
        matured = np.concatenate(self._matured)
        label = self._rows.label[matured]
        if min(label.sum(), (1 - label).sum()) < LEAST_POSITIVES:
            return
        matrix, weight = self._rows.complete[matured], self._rows.weight[matured]
        self._fitted = self._family.fit(matrix, label, weight, self._settings)
        self._fitted_at = cut

    def megabytes(self) -> float:
        """The model, and all rows that the next one will be fitted on."""
        kept = sum(len(m) for m in self._matured) * (self._rows.complete.shape[1] + 1) * 8
        return float(len(pickle.dumps(self._fitted)) + kept) / 1e6


def choose(spec: Spec, rows: Rows, family: Family, report_from: int) -> Settings:
    """Settings by the part of the data that is not reported."""
    early: Bool = rows.sampled & (rows.epoch + spec.learning.activation_delay <= report_from)
    judged: Bool = rows.user % JUDGED == 0
    return family.settings(rows.take(early & ~judged), rows.take(early & judged))


def _judged(judge: Rows, said: Float) -> float:
    return float(np.average(losses(judge.label, said), weights=judge.weight))


class Logistic:
    """Logistic regression on signed logarithms, standardised; a flag for what is not known."""

    def settings(self, train: Rows, judge: Rows, /) -> Settings:
        """The strength of the penalty."""
        found = []
        for strength in (0.001, 0.01, 0.1, 1.0):
            settings = {"C": strength}
            fitted = self.fit(train.complete, train.label, train.weight, settings)
            found.append((_judged(judge, fitted.predict(judge.complete)), strength))
        return {"C": min(found)[1]}

    def fit(self, matrix: Float, label: Float, weight: Float, settings: Settings) -> Fitted:
        """Fit a model."""
        return _FittedLogistic(matrix, label, weight, settings["C"])


class _FittedLogistic:
    def __init__(self, matrix: Float, label: Float, weight: Float, strength: float) -> None:
        logs = _signed_log(matrix)
        known = ~np.isnan(logs)
        count = np.maximum(known.sum(axis=0), 1)
        self._mean = np.where(known, logs, 0.0).sum(axis=0) / count
        centred = np.where(known, logs - self._mean, 0.0)
        self._scale = np.maximum(np.sqrt((centred**2).sum(axis=0) / count), 1e-9)
        self._flagged = np.flatnonzero(~known.all(axis=0))
        self._model = LogisticRegression(C=strength, max_iter=200)
        self._model.fit(self._columns(matrix), label, weight)

    def _columns(self, matrix: Float) -> Float:
        logs = _signed_log(matrix)
        standard = np.clip((logs - self._mean) / self._scale, -4.0, 4.0)
        return np.hstack([np.nan_to_num(standard), np.isnan(logs[:, self._flagged])])

    def predict(self, matrix: Float) -> Float:
        """P(churn)."""
        return np.asarray(self._model.predict_proba(self._columns(matrix))[:, 1])


def _signed_log(matrix: Float) -> Float:
    return np.asarray(np.sign(matrix) * np.log1p(np.abs(matrix)))


class LightGBM:
    """Gradient boosted trees, one thread, always the same."""

    def settings(self, train: Rows, judge: Rows, /) -> Settings:
        """Leaves, least rows of a leaf, and the number of rounds."""
        found = []
        for leaves, least in product((7, 15, 31), (20, 100)):
            settings = {"num_leaves": leaves, "min_child_samples": least, "rounds": ROUNDS[-1]}
            booster = self._train(train.complete, train.label, train.weight, settings)
            for rounds in ROUNDS:
                said = booster.predict(judge.complete, num_iteration=rounds)
                found.append((_judged(judge, np.asarray(said)), leaves, least, rounds))
        _, leaves, least, rounds = min(found)
        return {"num_leaves": leaves, "min_child_samples": least, "rounds": rounds}

    def fit(self, matrix: Float, label: Float, weight: Float, settings: Settings) -> Fitted:
        """Fit a model."""
        return _FittedTrees(self._train(matrix, label, weight, settings))

    def _train(
        self, matrix: Float, label: Float, weight: Float, settings: Settings
    ) -> lightgbm.Booster:
        params = {
            "objective": "binary",
            "learning_rate": settings.get("learning_rate", 0.05),
            "num_leaves": settings["num_leaves"],
            "min_child_samples": settings["min_child_samples"],
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": 1,
            "verbose": -1,
        }
        data = lightgbm.Dataset(matrix, label, weight=weight)
        return lightgbm.train(params, data, num_boost_round=settings["rounds"])


class _FittedTrees:
    def __init__(self, booster: lightgbm.Booster) -> None:
        self._booster = booster

    def predict(self, matrix: Float) -> Float:
        """P(churn)."""
        return np.asarray(self._booster.predict(matrix, num_threads=1))


class StandardLightGBM(LightGBM):
    """The same with settings that were never tuned: those of the study that found our method."""

    def settings(self, _train: Rows, _judge: Rows, /) -> Settings:
        """100 rounds of 15 leaves."""
        return {"learning_rate": 0.1, "num_leaves": 15, "min_child_samples": 20, "rounds": 100}


FAMILIES: dict[str, Family] = {
    "logistic_28d": Logistic(),
    "lightgbm_tuned": LightGBM(),
    "lightgbm_100": StandardLightGBM(),
}


def describe(settings: Settings) -> str:
    """Settings in a line."""
    return ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))
