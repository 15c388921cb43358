"""The default model: dicts and arrays agree, cold starts are calm, bad values do no harm."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.replay_logistic import ReplayLogistic
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


def teach(model: ReplayLogistic, count: int, seed: int = 0) -> None:
    """A fifth is positive, mostly those with a small ``a``."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        positive = bool(rng.random() < 0.2)
        a = rng.poisson(2 if positive else 9)
        model.learn_one({"a": float(a), "b": rng.normal()}, positive)


@examples(30)
@given(rows)
def test_dicts_and_arrays_give_the_same_bits(examples: list[tuple[dict[str, float], bool]]) -> None:
    one, many = (ReplayLogistic(features=NAMES, capacity=8, replay=3) for _ in range(2))
    for row, label in examples:
        one.learn_one(row, label)
    matrix = np.array([as_array(row) for row, _ in examples]).reshape(len(examples), 3)
    labels = np.array([float(label) for _, label in examples])
    many.learn_many(matrix, labels, np.ones(len(examples)))
    assert pickle.dumps(one) == pickle.dumps(many)
    for row, _ in examples:
        p = one.predict_proba_one(row)[True]
        assert p == many.form().probabilities(np.array([as_array(row)]))[0]
        assert 0.0 <= p <= 1.0


@examples(25)
@given(rows, st.randoms(use_true_random=False))
def test_names_that_come_later_are_as_if_declared(
    examples: list[tuple[dict[str, float], bool]], random: Any
) -> None:
    declared, discovered = ReplayLogistic(features=NAMES, seed=3), ReplayLogistic(seed=3)
    for row, label in examples:
        shuffled = dict(random.sample(sorted(row.items(), key=str), len(row)))
        declared.learn_one(row, label)
        discovered.learn_one(shuffled, label)
    for row, _ in examples:
        p, q = (model.predict_proba_one(row)[True] for model in (declared, discovered))
        assert p == pytest.approx(q, abs=1e-9)


def test_before_any_label_the_prior_and_with_few_labels_near_it() -> None:
    model = ReplayLogistic(prior=0.02)
    extremes = [{"a": a, "b": b} for a in (0.0, 1e9) for b in (-1e9, 1e9)]
    assert all(model.predict_proba_one(x)[True] == 0.02 for x in extremes)
    teach(model, 10)
    assert all(0.005 < model.predict_proba_one(x)[True] < 0.1 for x in extremes)


def test_one_class_alone_moves_the_base_rate_only() -> None:
    model = ReplayLogistic(prior=0.1, prior_weight=100)
    for i in range(400):
        model.learn_one({"a": float(i)}, False)
    for a in (0.0, 1e6):
        assert model.predict_proba_one({"a": a})[True] == pytest.approx(0.02)


def test_learns_what_there_is_to_learn() -> None:
    model = ReplayLogistic(prior=0.5)
    teach(model, 2000)
    busy, idle = (model.predict_proba_one({"a": a, "b": 0.0})[True] for a in (12.0, 1.0))
    assert busy < 0.05
    assert idle > 0.7
    rng = np.random.default_rng(9)
    mixed = [float(rng.poisson(2 if rng.random() < 0.2 else 9)) for _ in range(500)]
    mean = np.mean([model.predict_proba_one({"a": a, "b": 0.0})[True] for a in mixed])
    assert mean == pytest.approx(0.2, abs=0.03)


def test_a_first_batch_of_extremes_is_survived() -> None:
    calm, shaken = ReplayLogistic(), ReplayLogistic()
    for i in range(20):
        shaken.learn_one({"a": 1e6, "b": -1e6}, i % 2 == 0)
    for model in (calm, shaken):
        teach(model, 1500)
    for a in (1.0, 4.0, 12.0):
        p, q = (model.predict_proba_one({"a": a, "b": 0.0})[True] for model in (calm, shaken))
        assert abs(p - q) < 0.25
    late = shaken.predict_proba_one({"a": 12.0, "b": 0.0})[True]
    assert late < 0.1 < 0.4 < shaken.predict_proba_one({"a": 1.0, "b": 0.0})[True]


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf, "text", [1.0]])
def test_bad_values_count_as_unknown(bad: Any) -> None:
    given_bad, left_out = ReplayLogistic(), ReplayLogistic()
    for model in (given_bad, left_out):
        teach(model, 200)
    before = left_out.missing["a"]
    given_bad.learn_one({"a": bad, "b": 1.0}, True)
    left_out.learn_one({"b": 1.0}, True)
    assert given_bad.missing == left_out.missing == {"a": before + 1, "b": 0}
    p, q = (m.predict_proba_one({"a": bad, "b": 1.0})[True] for m in (given_bad, left_out))
    assert p == q
    assert math.isfinite(p)


def test_not_knowing_can_itself_say_something() -> None:
    model = ReplayLogistic(prior=0.3)
    rng = np.random.default_rng(2)
    for _ in range(1200):
        known = bool(rng.random() < 0.5)
        x = {"b": 1.0} | ({"a": rng.normal()} if known else {})
        model.learn_one(x, bool(rng.random() < (0.1 if known else 0.5)))
    assert model.predict_proba_one({"b": 1.0})[True] > 0.4
    assert model.predict_proba_one({"a": 0.0, "b": 1.0})[True] < 0.2


def test_a_weight_counts_like_so_many_examples() -> None:
    model = ReplayLogistic(prior=0.5)
    rng = np.random.default_rng(4)
    for _ in range(1500):
        positive = bool(rng.random() < 0.5)
        model.learn_one({"a": rng.normal()}, positive, w=1.0 if positive else 9.0)
    assert model.predict_proba_one({"a": 0.0})[True] == pytest.approx(0.1, abs=0.03)


def test_memory_is_bounded() -> None:
    model = ReplayLogistic(capacity=16, max_features=5)
    for i in range(300):
        model.learn_one({f"f{i % 50}": 1.0, "a": 1.0}, i % 3 == 0)
    assert len(model.missing) == 5
    size = len(pickle.dumps(model))
    for i in range(300):
        model.learn_one({f"g{i}": 1.0, "a": 1.0}, i % 3 == 0)
    assert abs(len(pickle.dumps(model)) - size) < 200


def test_pickled_it_goes_on_as_if_nothing_had_happened() -> None:
    model = ReplayLogistic()
    teach(model, 150)
    restored = pickle.loads(pickle.dumps(model))
    for one in (model, restored):
        teach(one, 100, seed=1)
    matrix = np.random.default_rng(8).lognormal(1, 1, (50, 2))
    expected = model.form().probabilities(matrix)
    assert (restored.form().probabilities(matrix) == expected).all()
