"""Online boosting: dicts and arrays agree, memory and work are bounded, it goes on after a stop."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.boosted import BoostedTrees
from tests.properties import examples

NAMES = ("a", "b", "c")
values = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e300, -1e300, math.inf, -math.inf, math.nan])
)
rows = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(NAMES), values), st.booleans()), max_size=40
)


def as_array(row: dict[str, float]) -> list[float]:
    return [row.get(name, math.nan) for name in NAMES]


def small(**params: Any) -> BoostedTrees:
    return BoostedTrees(**({"capacity": 8, "trees": 4, "every": 4, "depth": 2} | params))


def teach(model: BoostedTrees, count: int, seed: int = 0) -> None:
    """A third is positive: half of those with an ``a`` that is neither large nor small."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        a, b = rng.normal(size=2)
        model.learn_one({"a": a, "b": b}, bool(rng.random() < (0.6 if abs(a) < 0.67 else 0.1)))


@examples(30)
@given(rows, st.integers(1, 3))
def test_dicts_and_arrays_give_the_same_bits(
    examples: list[tuple[dict[str, float], bool]], serve: int
) -> None:
    one, many = (small(features=NAMES, serve=serve) for _ in range(2))
    for row, label in examples:
        one.learn_one(row, label)
    matrix = np.array([as_array(row) for row, _ in examples]).reshape(len(examples), 3)
    labels = np.array([float(label) for _, label in examples])
    middle = len(examples) // 3
    for part in (slice(middle), slice(middle, None)):
        many.learn_many(matrix[part], labels[part], np.ones(len(labels[part])))
    assert pickle.dumps(one) == pickle.dumps(many)
    for row, _ in examples:
        p = one.predict_proba_one(row)[True]
        assert p == many.form().probabilities(np.array([as_array(row)]))[0]
        assert 0.0 < p < 1.0


@pytest.mark.slow
def test_learns_what_no_linear_model_can() -> None:
    model = BoostedTrees(features=("a", "b"), prior=0.5, capacity=500)
    teach(model, 1500)
    for a, low, high in ((-1.5, 0.0, 0.2), (0.0, 0.45, 0.7), (1.5, 0.0, 0.2)):
        assert low < model.predict_proba_one({"a": a, "b": 0.0})[True] < high
    rng = np.random.default_rng(5)
    mean = model.form().probabilities(rng.normal(size=(2000, 2))).mean()
    assert mean == pytest.approx(0.35, abs=0.04)


def test_a_missing_value_is_no_zero() -> None:
    model = BoostedTrees(prior=0.3, capacity=400)
    rng = np.random.default_rng(2)
    for _ in range(1000):
        known = bool(rng.random() < 0.5)
        x = {"b": 1.0} | ({"a": rng.normal()} if known else {})
        model.learn_one(x, bool(rng.random() < (0.1 if known else 0.6)))
    assert model.predict_proba_one({"b": 1.0})[True] > 0.45
    for a in (-2.0, 0.0, 2.0):
        assert model.predict_proba_one({"a": a, "b": 1.0})[True] < 0.25
    assert model.missing["b"] == 0
    assert 400 < model.missing["a"] < 600


def test_a_weight_counts_like_so_many_examples() -> None:
    model = BoostedTrees(prior=0.5, capacity=400)
    rng = np.random.default_rng(4)
    for _ in range(1200):
        positive = bool(rng.random() < 0.5)
        model.learn_one({"a": rng.normal()}, positive, w=1.0 if positive else 9.0)
    assert model.predict_proba_one({"a": 0.0})[True] == pytest.approx(0.1, abs=0.03)


def test_ensembles_follow_one_another() -> None:
    model = small(capacity=64, trees=5, every=8, serve=2)
    sizes = []
    for seed in range(40):
        teach(model, 10, seed)
        sizes.append(len(model.form().values))
    assert set(sizes[10:]) == {10}
    before = model.form()
    teach(model, 5 * 8 + 1, seed=99)
    after = model.form()
    assert (after.feature[:5] == before.feature[5:]).all()
    assert (after.weights > 0.0).any(axis=1).all()


def test_memory_is_bounded() -> None:
    model = small(capacity=16, max_features=5)
    for i in range(300):
        model.learn_one({f"f{i % 50}": 1.0, "a": 1.0}, i % 3 == 0)
    assert len(model.missing) == 5
    sizes = []
    for i in range(300):
        model.learn_one({f"g{i}": 1.0, "a": 1.0}, i % 3 == 0)
        sizes.append(len(pickle.dumps(model)))
    assert max(sizes[:150]) == pytest.approx(max(sizes[150:]), abs=100)


def test_pickled_it_goes_on_as_if_nothing_had_happened() -> None:
    model = small(capacity=64)
    teach(model, 150)
    restored = pickle.loads(pickle.dumps(model))
    for one in (model, restored):
        teach(one, 101, seed=1)
    matrix = np.random.default_rng(8).normal(size=(50, 2))
    expected = model.form().probabilities(matrix)
    assert (restored.form().probabilities(matrix) == expected).all()


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, "text", [1.0]])
def test_bad_values_count_as_unknown(bad: Any) -> None:
    given_bad, left_out = small(), small()
    for model in (given_bad, left_out):
        teach(model, 60)
    given_bad.learn_one({"a": bad, "b": 1.0}, True)
    left_out.learn_one({"b": 1.0}, True)
    assert given_bad.missing == left_out.missing == {"a": 1, "b": 0}
    p, q = (m.predict_proba_one({"a": bad, "b": 1.0})[True] for m in (given_bad, left_out))
    assert p == q
