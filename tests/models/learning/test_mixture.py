"""The gate and the mixture: dicts and arrays agree, good members win, nothing is lost."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import naive_bayes, tree

from models.learning.anchored import Anchored
from models.learning.boosted import BoostedTrees
from models.learning.gate import Gate
from models.learning.guard import FiniteOnly
from models.learning.mixture import Mixture
from models.learning.numerics import sigmoid
from models.learning.replay_logistic import ReplayLogistic
from tests.properties import examples

NAMES = ("a", "b", "c")
values = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e300, math.inf, math.nan]))
rows = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(NAMES), values), st.booleans()), max_size=16
)


def as_array(row: dict[Any, float]) -> list[float]:
    return [row.get(name, math.nan) for name in NAMES]


def make(features: tuple[str, ...] | None = NAMES, **params: Any) -> Mixture:
    """An own linear one, own trees, a tree of River's, and one that cannot be compiled."""
    return Mixture(
        (
            ReplayLogistic(features=features, capacity=8, replay=2),
            BoostedTrees(features=features, capacity=8, trees=3, every=4, depth=2),
            Anchored(
                FiniteOnly() | tree.HoeffdingAdaptiveTreeClassifier(leaf_prediction="mc", seed=1)
            ),
            Anchored(FiniteOnly() | naive_bayes.GaussianNB()),
        ),
        features=features,
        **params,
    )


@examples(8)
@given(rows)
def test_dicts_and_arrays_give_the_same_bits(examples: list[tuple[dict[Any, float], bool]]) -> None:
    one, many = make(eta=0.3), make(eta=0.3)
    for row, label in examples:
        one.learn_one(row, label)
    matrix = np.array([as_array(row) for row, _ in examples]).reshape(len(examples), 3)
    many.learn_many(matrix, np.array([float(y) for _, y in examples]), np.ones(len(examples)))
    assert (one.shares == many.shares).all()
    form = many.form()
    for row, _ in examples[-2:]:
        p = one.predict_proba_one(row)[True]
        assert p == form.probabilities(np.array([as_array(row)]))[0]
        own = [sigmoid(m.logits(np.array([as_array(row)])))[0] for m in form.members]
        for theirs, member in zip(own, one._models, strict=True):
            assert theirs == pytest.approx(member.predict_proba_one(row)[True], abs=1e-9)


def test_the_logit_is_the_weighted_mean() -> None:
    model = make(None)
    rng = np.random.default_rng(1)
    for _ in range(120):
        a = rng.normal()
        model.learn_one({"a": a, "b": rng.normal()}, bool(a > 0.3))
    x: dict[Any, float] = {"a": 0.5, "b": 0.0}
    p = np.array([member.predict_proba_one(x)[True] for member in model._models])
    expected = sigmoid(np.array([model.shares @ (np.log(p) - np.log1p(-p))]))[0]
    assert model.predict_proba_one(x)[True] == pytest.approx(expected, abs=1e-9)
    assert model.shares.sum() == pytest.approx(1.0)


@examples(30)
@given(st.integers(0, 1000), st.floats(0.001, 0.5), st.integers(2, 5))
def test_the_gate_keeps_its_bound(seed: int, eta: float, members: int) -> None:
    rng = np.random.default_rng(seed)
    losses = rng.random((300, members)) * rng.random(members)
    gate, total = Gate(np.full(members, 1.0 / members), eta, share=0.0), 0.0
    for each in losses:
        total += float(gate.weights @ each)
        gate.update(each)
    bound = losses.sum(axis=0).min() + math.log(members) / eta + eta * 300 / 8
    assert total <= bound + 1e-9


def test_the_share_lets_a_member_come_back() -> None:
    forgetful, stubborn = (Gate(np.array([0.5, 0.5]), 0.1, share) for share in (0.01, 0.0))
    for gate in (forgetful, stubborn):
        for _ in range(1000):
            gate.update(np.array([0.1, 0.9]))
        for _ in range(100):
            gate.update(np.array([0.9, 0.1]))
    assert forgetful.weights[1] > 0.9
    assert stubborn.weights[1] < 0.01


def test_after_a_drift_the_members_that_forget_win() -> None:
    """Whose labels turn round half way: the uniform memory goes on averaging the two."""
    old, new = (
        BoostedTrees(features=("a",), capacity=200, trees=30, recency=r) for r in (1.0, 15.0)
    )
    model = Mixture((old, new), features=("a",), eta=0.1)
    rng = np.random.default_rng(0)
    a = rng.normal(size=(5000, 1))
    labels = ((a[:, 0] > 0) ^ (np.arange(5000) >= 3500) ^ (rng.random(5000) < 0.2)).astype(float)
    model.learn_many(a[:3500], labels[:3500], np.ones(3500))
    assert 0.1 < model.shares[0] < 0.9
    model.learn_many(a[3500:], labels[3500:], np.ones(1500))
    assert model.shares[1] > 0.8


def test_pickled_it_goes_on_as_if_nothing_had_happened() -> None:
    model = make()
    rng = np.random.default_rng(8)
    matrix, labels = rng.normal(size=(90, 3)), (rng.random(90) < 0.4).astype(float)
    model.learn_many(matrix[:50], labels[:50], np.ones(50))
    restored = pickle.loads(pickle.dumps(model))
    for one in (model, restored):
        one.learn_many(matrix[50:], labels[50:], np.ones(40))
    expected = model.form().probabilities(matrix)
    assert (restored.form().probabilities(matrix) == expected).all()


def test_a_precaution_begins_with_little_and_can_win() -> None:
    gate = Gate(np.array([0.95, 0.05]), eta=0.1, share=0.001)
    for _ in range(300):
        gate.update(np.array([0.3, 0.3]))
    assert gate.weights == pytest.approx([0.95, 0.05])
    for _ in range(300):
        gate.update(np.array([0.6, 0.3]))
    assert gate.weights[1] > 0.9
    mixture = Mixture((ReplayLogistic(), ReplayLogistic()), weights=(3.0, 1.0))
    assert mixture.shares.tolist() == [0.75, 0.25]


def test_members_take_as_many_features() -> None:
    with pytest.raises(ValueError, match="as many features: 1024"):
        Mixture((ReplayLogistic(max_features=3),))
