"""River's logistic regression compiled, and what is left to River."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from river import compose, forest, linear_model, optim, preprocessing, tree

from models.learning.anchored import Anchored
from models.learning.compiled.anchored import AnchoredForm
from models.learning.compiled.errors import NotCompilable
from models.learning.compiled.shapes import compile_anchored
from models.learning.compiling import compile_model, make_scorer
from models.learning.factory import Model, make_model
from models.learning.guard import FiniteOnly
from models.learning.scorer import ArrayScorer, RiverScorer, as_dicts
from models.spec import FeatureSpec, ModelSpec, Spec
from tests.properties import examples

NAMES = ("constant", "never", "heavy", "weekday")
FEATURES = (
    *(FeatureSpec(name, "sum", "usage", window=1) for name in NAMES[:3]),
    FeatureSpec("weekday", "day_of_week"),
)
values = st.one_of(
    st.floats(-1e9, 1e9),
    st.sampled_from([0.0, -0.0, 7.0, 1e300, -1e300, 5e-324, np.inf, -np.inf, np.nan]),
)


def learn(model: Model, seed: int, count: int) -> Model:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        row = {"constant": 7.0, "weekday": float(rng.integers(7))}
        if rng.random() < 0.7:
            row["heavy"] = float(rng.lognormal(2.0, 3.0) * rng.choice([-1.0, 1.0]))
        model.learn_one(row, bool(rng.random() < (0.8 if row.get("heavy", 0.0) > 3.0 else 0.2)))
    return model


@functools.cache
def logistic(seed: int, count: int) -> tuple[Model, AnchoredForm]:
    params: tuple[tuple[str, Any], ...] = (("lr", 0.3),) if seed else ()
    if seed == 3:  # weights that are not 0 even where a column never varies
        params = (("initializer", optim.initializers.Normal(sigma=2.0, seed=1)),)
    spec = ModelSpec(kind="river_logistic", prior=0.3, params=params)
    model = learn(make_model(spec, FEATURES), seed, count)
    return model, compile_anchored(model, NAMES)


@examples(60)
@given(
    seed=st.integers(0, 3),
    count=st.sampled_from([0, 1, 2, 30, 400]),
    matrix=hnp.arrays(float, st.tuples(st.integers(0, 9), st.just(4)), elements=values),
)
def test_logistic_regression_equals_river(seed: int, count: int, matrix: np.ndarray) -> None:
    model, form = logistic(seed, count)
    expected = [model.predict_proba_one(row)[True] for row in as_dicts(NAMES, matrix)]
    np.testing.assert_allclose(form.probabilities(matrix), expected, rtol=0.0, atol=1e-9)


def test_columns_are_found_by_name() -> None:
    model, _ = logistic(0, 400)
    matrix = np.array([[5.0, 9.0, 1.0, 7.0], [np.nan, 100.0, 3.0, 7.0]])
    order = ("weekday", "heavy", "never", "constant")
    expected = [model.predict_proba_one(row)[True] for row in as_dicts(order, matrix)]
    assert compile_anchored(model, order).probabilities(matrix) == pytest.approx(expected)


def anchored(*steps: Any) -> Anchored:
    return Anchored(compose.Pipeline(*steps))


def of_kind(kind: str, **params: Any) -> Callable[[], Model]:
    return lambda: make_model(ModelSpec(kind=kind, params=(*params.items(),)), FEATURES)


LEFT: dict[str, tuple[Callable[[], Any], str]] = {
    "naive Bayes leaves": (of_kind("hat", leaf_prediction="nb"), "'nb'"),
    "adaptive leaves": (of_kind("hat", leaf_prediction="nba"), "'nba'"),
    "of a forest": (of_kind("arf", leaf_prediction="nba"), "'nba'"),
    "misspelt, so River's default": (of_kind("arf", leaf_prediction="MC"), "'nba'"),
    "a nominal split": (
        of_kind("hat", nominal_attributes=["weekday", "heavy"], grace_period=20, delta=0.5),
        "Nom",
    ),
    "another loss": (of_kind("river_logistic", loss=optim.losses.BinaryFocalLoss()), "Focal"),
    "another scaler": (
        lambda: anchored(
            FiniteOnly(), preprocessing.MinMaxScaler(), linear_model.LogisticRegression()
        ),
        "MinMaxScaler",
    ),
    "another tree": (
        lambda: anchored(FiniteOnly(), tree.ExtremelyFastDecisionTreeClassifier()),
        "ExtremelyFast",
    ),
    "not anchored": (lambda: forest.ARFClassifier(leaf_prediction="mc"), "ARFClassifier"),
    "no pipeline": (lambda: Anchored(linear_model.LogisticRegression()), "Anchored"),
}


@pytest.mark.parametrize("case", LEFT)
def test_left_to_river(case: str, spec: Spec) -> None:
    make, reason = LEFT[case]
    model = make()
    learn(Anchored(model) if case == "not anchored" else model, 0, 150)
    with pytest.raises(NotCompilable, match=reason):
        compile_anchored(model, NAMES)
    compiled = compile_model(model, NAMES, version=3, valid_from=9)
    assert compiled.model is model
    scorer = make_scorer(spec, compiled, "mature")
    assert isinstance(scorer, RiverScorer)
    assert (scorer.version, scorer.valid_from) == (3, 9)


def test_a_split_on_no_feature_is_left_to_river() -> None:
    model = learn(of_kind("hat", grace_period=20, delta=0.5)(), 0, 150)
    assert isinstance(compile_anchored(model, NAMES), AnchoredForm)
    with pytest.raises(NotCompilable, match="'heavy'"):
        compile_anchored(model, ("weekday",))


def test_a_head_holds_no_river(spec_of: Callable[..., Spec]) -> None:
    for kind in ("river_logistic", "hat", "arf"):
        spec = spec_of(kind)
        compiled = compile_model(learn(of_kind(kind)(), 0, 50), NAMES, version=1, valid_from=0)
        assert isinstance(make_scorer(spec, compiled, "mature"), ArrayScorer)
        assert "river" not in str(_classes(compiled))


def _classes(value: Any) -> set[type]:
    if not hasattr(value, "__dataclass_fields__"):
        return {type(value)}
    fields = [getattr(value, name) for name in value.__dataclass_fields__]
    return {type(value)}.union(*(_classes(field) for field in fields))
