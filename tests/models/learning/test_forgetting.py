"""The logistic regression that forgets: the optimum of the weighted past, and no more of it."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.forgetting import ForgettingLogistic
from models.learning.numerics import sigmoid
from tests.models.learning.same_bits import learn_the_same
from tests.properties import examples

NAMES = ("a", "b")
values = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e300, -1e300, math.inf, math.nan]))
rows = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(NAMES), values), st.booleans()), max_size=40
)


def make(features: tuple[str, ...] | None = NAMES, **params: Any) -> ForgettingLogistic:
    return ForgettingLogistic(features, raw=features, **{"every": 4, "memory": 100.0, **params})


@examples(20)
@given(rows)
def test_dicts_and_arrays_give_the_same_bits(examples: list[tuple[dict[Any, float], bool]]) -> None:
    learn_the_same(make(), make(), NAMES, examples)


@pytest.mark.parametrize("memory", [300.0, 1e9])
def test_it_is_near_the_maximum_of_the_weighted_past(memory: float) -> None:
    """The oracle: Newton's method on all examples at once, each with the weight left of it."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(4000, 2))
    labels = (rng.random(4000) < sigmoid(matrix @ np.array([1.0, -0.5]) - 1.0)).astype(float)
    model = make(memory=memory, patience=0.0)
    model.learn_many(matrix, labels, np.ones(4000))
    design = model._design.flat(matrix)
    left = (1.0 - 1.0 / memory) ** (4 * (np.arange(4000)[::-1] // 4))
    prior = model._prior_precision() * np.array([1.0, 1, 1, 1, 1])
    start = np.zeros(5)
    start[0] = math.log(labels.mean() / (1 - labels.mean()))
    theta, curve = start.copy(), np.eye(5)
    for _ in range(30):
        p = sigmoid(design @ theta)
        slope = design.T @ (left * (p - labels)) + prior * (theta - start)
        curve = (design * (left * p * (1 - p))[:, None]).T @ design + np.diag(prior)
        theta -= np.linalg.solve(curve, slope)
    spread = np.sqrt(np.diag(np.linalg.inv(curve)))
    assert (np.abs(model._mean - theta) < 0.35 * spread).all()
    fresh = rng.normal(size=(500, 2))
    exact = sigmoid(model._design.flat(fresh) @ theta)
    assert np.abs(model.form().probabilities(fresh) - exact).max() < 0.03


def test_it_follows_what_has_turned_round_and_a_long_memory_does_not() -> None:
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(5000, 2))
    turned = np.arange(5000) >= 4000
    labels = ((matrix[:, 0] > 0) ^ turned).astype(float)
    short, long = make(memory=300.0), make(memory=1e6)
    for model in (short, long):
        model.learn_many(matrix, labels, np.ones(5000))
    above = np.array([[2.0, 0.0]])
    assert short.form().probabilities(above)[0] < 0.1
    assert long.form().probabilities(above)[0] > 0.5


def test_what_is_missing_has_a_weight_of_its_own() -> None:
    model = make(memory=1e9)
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(3000, 2))
    absent = rng.random(3000) < 0.3
    matrix[absent, 0] = math.nan
    labels = (rng.random(3000) < np.where(absent, 0.6, 0.2)).astype(float)
    model.learn_many(matrix, labels, np.ones(3000))
    p = model.form().probabilities(np.array([[math.nan, 0.0], [0.0, 0.0]]))
    assert p[0] > 0.45
    assert p[1] < 0.3
    assert model.missing == {"a": int(absent.sum()), "b": 0}


def test_new_columns_come_at_any_time() -> None:
    model = make(None, memory=1e9)
    for i in range(402):
        model.learn_one({"a": float(i % 2)}, i % 5 == 0)
    before = model.predict_proba_one({"a": 1.0})[True]
    model.learn_one({"a": 1.0, "b": 3.0}, True)
    assert model.predict_proba_one({"a": 1.0})[True] == pytest.approx(before, abs=0.05)
    for i in range(2000):
        model.learn_one({"a": float(i % 2), "b": float(i % 3)}, i % 3 == 0)
    low, high = (model.predict_proba_one({"a": 0.0, "b": b})[True] for b in (2.0, 0.0))
    assert low < 0.2 < 0.8 < high


def test_a_thinned_class_counts_by_its_weight() -> None:
    rng = np.random.default_rng(6)
    matrix = rng.normal(size=(9000, 1))
    labels = (rng.random(9000) < sigmoid(matrix[:, 0] - 2.0)).astype(float)
    kept = (labels == 1.0) | (rng.random(9000) < 0.25)
    weights = np.where(labels == 1.0, 1.0, 4.0)
    everything, thinned = make(("a",), memory=1e9), make(("a",), memory=1e9)
    everything.learn_many(matrix, labels, np.ones(9000))
    thinned.learn_many(matrix[kept], labels[kept], weights[kept])
    means = [model.form().probabilities(matrix).mean() for model in (everything, thinned)]
    assert means[0] == pytest.approx(labels.mean(), abs=0.005)
    assert means[1] == pytest.approx(labels.mean(), abs=0.01)


def test_pickled_it_goes_on_as_if_nothing_had_happened() -> None:
    model = make()
    rng = np.random.default_rng(8)
    matrix, labels = rng.normal(size=(90, 2)), (rng.random(90) < 0.4).astype(float)
    model.learn_many(matrix[:50], labels[:50], np.ones(50))
    restored = pickle.loads(pickle.dumps(model))
    for one in (model, restored):
        one.learn_many(matrix[50:], labels[50:], np.ones(40))
    expected = model.form().probabilities(matrix)
    assert (restored.form().probabilities(matrix) == expected).all()
