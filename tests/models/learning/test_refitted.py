"""The logistic regression that is fitted anew: near the optimum, whatever way the rows come."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.learning.newton import newton_step
from models.learning.numerics import sigmoid, softplus
from models.learning.refitted import RefittedLogistic
from tests.models.learning.same_bits import learn_the_same

NAMES = ("a", "b")
values = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e300, -1e300, math.inf, math.nan]))
rows = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(NAMES), values), st.booleans()), max_size=40
)


def make(features: tuple[str, ...] | None = NAMES, **params: Any) -> RefittedLogistic:
    return RefittedLogistic(features, raw=features, **params)


def drawn(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 2))
    matrix[rng.random(n) < 0.2, 1] = math.nan
    logits = matrix[:, 0] - np.where(np.isnan(matrix[:, 1]), -0.8, 0.5 * matrix[:, 1]) - 1.0
    return matrix, (rng.random(n) < sigmoid(logits)).astype(float)


@settings(max_examples=20, deadline=None)
@given(rows)
def test_dicts_and_arrays_give_the_same_bits(examples: list[tuple[dict[Any, float], bool]]) -> None:
    learn_the_same(make(), make(), NAMES, examples)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_it_is_near_the_optimum_of_all_it_has_learned(weight: float) -> None:
    """The oracle: Newton's method to the end, on all rows, with the design of the last step."""
    matrix, labels = drawn(3000)
    model = make(patience=0.0)
    weights = np.where(labels == 1.0, 1.0, weight)
    model.learn_many(matrix, labels, weights)
    pairs = model._design.of(matrix).transpose(0, 2, 1).reshape(len(matrix), -1)
    design = np.concatenate((np.ones((len(matrix), 1)), pairs), axis=1)
    theta, ridge = np.zeros(5), np.array([1e-9, 30, 30, 30, 30])
    curve = np.eye(5)
    for _ in range(30):
        p = sigmoid(design @ theta)
        slope = design.T @ (weights * (p - labels)) + ridge * theta
        curve = (design * (weights * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        theta -= np.linalg.solve(curve, slope)
    spread = np.sqrt(np.diag(np.linalg.inv(curve)))
    # The last step saw at least ten elevenths of the rows.
    assert (np.abs(model._theta - theta) < 0.6 * spread).all()
    fresh, _ = drawn(500, seed=4)
    exact = sigmoid(design_of(model, fresh) @ theta)
    assert np.abs(model.form().probabilities(fresh) - exact).max() < 0.02


def design_of(model: RefittedLogistic, matrix: np.ndarray) -> np.ndarray:
    pairs = model._design.of(matrix).transpose(0, 2, 1).reshape(len(matrix), -1)
    return np.concatenate((np.ones((len(matrix), 1)), pairs), axis=1)


def test_a_full_reservoir_stands_for_all_history() -> None:
    """A flood of negatives does not outweigh the classes' shares, and old rows count as new."""
    matrix, labels = drawn(6000)
    whole, sampled = make(), make(capacity=400)
    for model in (whole, sampled):
        model.learn_many(matrix, labels, np.ones(6000))
    fresh, _ = drawn(500, seed=4)
    exact, said = (model.form().probabilities(fresh) for model in (whole, sampled))
    assert np.abs(said - exact).mean() < 0.03
    assert said.mean() == pytest.approx(exact.mean(), abs=0.02)


def test_between_two_steps_only_the_base_rate_changes() -> None:
    matrix, labels = drawn(1200)
    model = make()
    model.learn_many(matrix[:1000], labels[:1000], np.ones(1000))
    theta, due = model._theta.copy(), model._fit_at
    assert 1000 < due <= 1100
    more = np.repeat(matrix[:1], due - 1000, axis=0)
    model.learn_many(more[1:], np.zeros(len(more) - 1), np.ones(len(more) - 1))
    assert (model._theta == theta).all()
    model.learn_many(more[:1], np.zeros(1), np.ones(1))
    assert model._theta[0] != theta[0]
    assert model._fit_at == due + 1 + due // 10


def test_where_features_are_very_many_a_step_takes_fewer_rows_and_keeps_the_shares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matrix, labels = drawn(4000)
    exact = make()
    exact.learn_many(matrix, labels, np.ones(4000))
    monkeypatch.setattr("models.learning.refitted._MULTIPLICATIONS", 2 * 25 * 500)
    fewer = make()
    fewer.learn_many(matrix, labels, np.ones(4000))
    fresh, _ = drawn(500, seed=4)
    said, whole = fewer.form().probabilities(fresh), exact.form().probabilities(fresh)
    assert 0.0 < np.abs(said - whole).mean() < 0.03
    assert said.mean() == pytest.approx(whole.mean(), abs=0.02)


def test_before_there_are_labels_it_says_the_base_rate() -> None:
    model = make(prior=0.07)
    assert model.predict_proba_one({"a": 9.0})[True] == pytest.approx(0.07)
    model.learn_many(np.zeros((50, 2)), np.zeros(50), np.ones(50))
    assert model.predict_proba_one({"a": 9.0})[True] == pytest.approx(model._base.rate())


def test_new_features_come_later_and_it_survives_a_pickle() -> None:
    model = make(features=None)
    rng = np.random.default_rng(1)
    for i in range(300):
        x = {"a": float(rng.normal())} | ({"late": float(rng.normal())} if i > 100 else {})
        model.learn_one(x, x.get("late", x["a"]) > 0.3)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.learn_one({"a": 0.1, "late": 3.0}, True)
    assert twin.predict_proba_one({"late": 1.0}) == model.predict_proba_one({"late": 1.0})
    high, low = (model.predict_proba_one({"a": 0.0, "late": v})[True] for v in (2.0, -2.0))
    assert high > low + 0.2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 30.0))
def test_a_step_never_raises_the_loss(seed: int, far: float) -> None:
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(30, 3)) * rng.lognormal(0, 1, 3)
    labels, weights = (rng.random(30) < 0.5).astype(float), rng.random(30)
    theta, ridge = far * rng.normal(size=3), np.array([1e-9, 0.1, 1.0])

    def loss(at: np.ndarray) -> float:
        signed = np.where(labels == 1.0, -1.0, 1.0) * (design @ at)
        return float(weights @ softplus(signed)) + 0.5 * float(ridge @ at**2)

    before = loss(theta)
    after = loss(newton_step(theta, design, labels, weights, ridge))
    assert after <= before * (1 + 1e-12)
    theta = np.zeros(3)
    for _ in range(60):
        theta = newton_step(theta, design, labels, weights, ridge)
    p = sigmoid(design @ theta)
    slope = (weights * (p - labels)) @ design + ridge * theta
    assert np.abs(slope).max() < 1e-6
