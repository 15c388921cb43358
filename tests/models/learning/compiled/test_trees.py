"""Compiled trees and forests say what River says, wherever a row goes."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.learning.compiled.anchored import AnchoredForm
from models.learning.compiled.forest import BLOCK, ForestForm
from models.learning.compiled.shapes import compile_anchored
from models.learning.factory import Model, make_model
from models.learning.scorer import as_dicts
from models.spec import ModelSpec
from tests.properties import examples

NAMES = ("a", "b", "c", "d")
SEEDS = (0, 1, 3, 4, 7, 12, 40, 100)
"""Of the models here; 0, 12, 40 and 100 are adaptive trees caught with an alternate."""
EXTREMES = (np.nan, np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, -0.0, 0.5, 3.0)


def taught(kind: str, seed: int) -> Model:
    """A model with random settings, taught random examples whose concept drifts.

    Values are coarse in two columns, so that many are equal; up to a third is missing. Learning
    goes on (within bounds) until an adaptive tree has an alternate.
    """
    rng = np.random.default_rng(seed)
    params: dict[str, Any] = {
        "grace_period": int(rng.integers(5, 60)),
        "max_depth": int(rng.integers(1, 8)),
        "delta": float(rng.choice([0.3, 0.05, 1e-3])),
        "tau": float(rng.choice([0.05, 0.2, 0.5])),
    }
    if kind == "hat":
        params |= {"drift_window_threshold": 40, "delta": 0.3, "tau": 0.5, "grace_period": 20}
    else:
        params |= {"n_models": int(rng.integers(1, 6)), "lambda_value": int(rng.integers(1, 4))}
        params["disable_weighted_vote"] = bool(rng.random() < 0.2)
        params["split_criterion"] = str(rng.choice(["info_gain", "gini", "hellinger"]))
    model = make_model(ModelSpec(kind=kind, seed=seed, params=(*params.items(),)), ())
    churners, missing, least = rng.uniform(0.05, 0.9), rng.uniform(0.0, 0.3), rng.integers(1, 500)
    for i in range(1000):
        row = rng.normal(0.0, 3.0, 4)
        row[2:] = np.round(row[2:])
        cause = row[(i // 200) % 3] > 0.0
        row[rng.random(4) < missing] = np.nan
        label = bool(cause) if rng.random() < 0.85 else bool(rng.random() < churners)
        model.learn_one(dict(zip(NAMES, row.tolist(), strict=True)), label)
        if i >= least and (kind == "arf" or list(alternates(model))):
            break
    return model


def trees(model: Any) -> list[Any]:
    last = list(model.classifier.steps.values())[-1]
    return list(last) if hasattr(last, "n_models") else [last]


def branches(model: Any) -> Iterator[Any]:
    for tree in trees(model):
        yield from tree._root.iter_branches() if tree._root else ()


def alternates(model: Any) -> Iterator[Any]:
    """Children on the way of a missing value that have an alternate."""
    for branch in branches(model):
        child = branch.most_common_path()[1]
        if getattr(child, "_alternate_tree", None):
            yield child


@functools.cache
def case(kind: str, seed: int) -> tuple[Model, AnchoredForm, list[np.ndarray]]:
    """A model, its compiled form, and for each column the values that matter."""
    model = taught(kind, seed)
    values = []
    for name in NAMES:
        splits = np.array([b.threshold for b in branches(model) if b.feature == name])
        beside = [np.nextafter(splits, side) for side in (-np.inf, np.inf)]
        values.append(np.concatenate((splits, *beside, EXTREMES)))
    return model, compile_anchored(model, NAMES), values


def says(model: Model, matrix: np.ndarray) -> list[float]:
    return [model.predict_proba_one(row)[True] for row in as_dicts(NAMES, matrix)]


@pytest.mark.parametrize("kind", ["hat", "arf"])
@examples(60)
@given(
    seed=st.sampled_from(SEEDS),
    choice=hnp.arrays(
        np.int64, st.tuples(st.integers(0, 30), st.just(4)), elements=st.integers(0, 999)
    ),
)
def test_equal_to_river_at_and_beside_splits(kind: str, seed: int, choice: np.ndarray) -> None:
    model, form, values = case(kind, seed)
    matrix = np.stack([v[c % len(v)] for v, c in zip(values, choice.T, strict=True)], axis=1)
    np.testing.assert_allclose(form.probabilities(matrix), says(model, matrix), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("kind", ["hat", "arf"])
def test_equal_to_river_on_every_split_alone(kind: str) -> None:
    """The other columns unknown, or in the middle: each split's own values and their neighbours."""
    for seed in SEEDS:
        model, form, values = case(kind, seed)
        for column, interesting in enumerate(values):
            for elsewhere in (np.nan, 0.25):
                matrix = np.full((len(interesting), 4), elsewhere)
                matrix[:, column] = interesting
                np.testing.assert_allclose(
                    form.probabilities(matrix), says(model, matrix), rtol=0.0, atol=1e-9
                )


@pytest.mark.slow
@examples(20)
@given(kind=st.sampled_from(["hat", "arf"]), seed=st.integers(1000, 10**9))
def test_equal_to_river_for_any_model(kind: str, seed: int) -> None:
    model, form, values = case.__wrapped__(kind, seed)
    rng = np.random.default_rng(seed)
    matrix = np.stack([rng.choice(v, 300) for v in values], axis=1)
    np.testing.assert_allclose(form.probabilities(matrix), says(model, matrix), rtol=0.0, atol=1e-9)


def test_the_models_here_have_all_that_is_claimed_about_them() -> None:
    hats, arfs = ([case(kind, seed)[0] for seed in SEEDS] for kind in ("hat", "arf"))
    assert sum(len(list(alternates(model))) > 0 for model in hats) >= 3
    assert max(tree.height for model in hats + arfs for tree in trees(model)) >= 5
    ways = {branch.most_common_path()[0] for model in hats + arfs for branch in branches(model)}
    assert ways == {0, 1}
    weights = [{m.get() for m in trees_metrics(model)} for model in arfs]
    assert any(len(each) > 2 for each in weights)


def trees_metrics(model: Any) -> list[Any]:
    metrics: list[Any] = list(model.classifier.steps.values())[-1]._metrics
    return metrics


@pytest.mark.parametrize("kind", ["hat", "arf"])
@pytest.mark.parametrize("labels", [(), (False,), (True,), (False, True), (True, False, False)])
def test_equal_to_river_while_almost_nothing_is_learned(
    kind: str, labels: tuple[bool, ...]
) -> None:
    for seed in range(12):
        few = (("n_models", 1 + seed % 3),) if kind == "arf" else ()  # trees that heard nothing
        model = make_model(ModelSpec(kind=kind, prior=0.3, seed=seed, params=few), ())
        for label in labels:
            model.learn_one({"a": 1.0}, label)
        matrix = np.array([[np.nan] * 4, [1.0] * 4])
        form = compile_anchored(model, NAMES)
        np.testing.assert_allclose(
            form.probabilities(matrix), says(model, matrix), rtol=0.0, atol=1e-12
        )


def test_blocks_are_put_together_in_order() -> None:
    _, form, values = case("arf", 0)
    rng = np.random.default_rng(0)
    matrix = np.stack([rng.choice(v, 2 * BLOCK + 3) for v in values], axis=1)
    together = form.probabilities(matrix)
    parts = [form.probabilities(matrix[i : i + 1000]) for i in range(0, len(matrix), 1000)]
    assert (np.concatenate(parts) == together).all()
    assert form.probabilities(matrix[:0]).shape == (0,)


def test_nodes_know_the_weight_that_went_down() -> None:
    for seed in SEEDS:
        model, form, _ = case("arf", seed)
        assert isinstance(form.own, ForestForm)
        nodes = form.own.nodes
        inner = (nodes.ways != np.arange(len(nodes.ways))[:, None]).any(axis=1)
        assert inner.sum() == len(list(branches(model)))
        below, above, unknown = (nodes.weight[nodes.ways[inner, way]] for way in range(3))
        np.testing.assert_allclose(nodes.weight[inner], below + above)
        assert (unknown == np.maximum(below, above)).all()
        roots = [tree._root.total_weight for tree in trees(model) if tree._root]
        np.testing.assert_allclose(nodes.weight[form.own.roots], roots)
