"""River's own conformance suite, on everything here that calls itself an estimator."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from river import base, checks, linear_model, preprocessing

from models.learning.anchored import Anchored
from models.learning.boosted import BoostedTrees
from models.learning.forgetting import ForgettingLogistic
from models.learning.guard import Clip, FiniteOnly, SignedLog
from models.learning.mixture import Mixture
from models.learning.refitted import RefittedLogistic
from models.learning.replay_logistic import ReplayLogistic

ESTIMATORS = [
    ReplayLogistic(capacity=32, replay=2),
    BoostedTrees(capacity=32, trees=4, every=8),
    RefittedLogistic(capacity=32),
    ForgettingLogistic(memory=50, every=4),
    Mixture((Anchored(linear_model.LogisticRegression()), ReplayLogistic(capacity=32, replay=2))),
    Anchored(linear_model.LogisticRegression()),
    FiniteOnly(),
    SignedLog(),
    Clip(),
]
LONG = {"check_bounded_memory_growth": pytest.mark.slow}
"""Ten times the examples of the others."""


def _cases() -> Iterator[Any]:
    # River imports scikit-learn while it lists data sets, for multi-output regressors alone.
    stub = types.ModuleType("sklearn")
    stub.datasets = types.ModuleType("sklearn.datasets")  # type: ignore[attr-defined]
    missing = "sklearn" not in sys.modules
    if missing:
        sys.modules["sklearn"] = stub
    try:
        for number, model in enumerate(ESTIMATORS):
            for check in checks.yield_checks(model):
                if check.__name__ not in model._unit_test_skips():
                    name = f"{model}-{number}-{check.__name__}"
                    yield pytest.param(model, check, id=name, marks=LONG.get(check.__name__, ()))
    finally:
        if missing:
            del sys.modules["sklearn"]


@pytest.mark.parametrize(("model", "check"), list(_cases()))
def test_river_check(model: base.Estimator, check: Callable[[base.Estimator], None]) -> None:
    check(model.clone())


def test_in_a_river_pipeline() -> None:
    model = preprocessing.StandardScaler() | ReplayLogistic(prior=0.3)
    for i in range(300):
        model.learn_one({"a": float(i % 10), "b": 1.0}, i % 10 > 7)
    low, high = (model.predict_proba_one({"a": a, "b": 1.0})[True] for a in (0.0, 9.0))
    assert low < 0.15 < 0.25 < high
