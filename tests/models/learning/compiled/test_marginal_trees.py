"""Hoeffding trees and forests marginalised and split softly: River's objects and arrays agree.

``river_soft`` recurses over River's nodes; here are recursions that are plainer still, and what
both have to say where the answer is known.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import forest, naive_bayes, tree

from models.learning.anchored import Anchored
from models.learning.compiled.anchored import AnchoredForm
from models.learning.compiled.forest import ForestForm
from models.learning.compiled.nodes import Nodes
from models.learning.compiled.shapes import compile_anchored
from models.learning.factory import Model, make_model
from models.learning.guard import FiniteOnly
from models.learning.scorer import as_dicts, expected_rows, marginal_rows, probability
from models.spec import ModelSpec
from models.staleness.belief import Belief
from tests.properties import examples

NAMES = ("a", "b", "c", "d")
SEEDS = (0, 1, 2)


def drifting(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Examples whose cause changes, in which each value is missing now and then."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0.0, 3.0, (count, 4))
    rows[:, 2:] = np.round(rows[:, 2:])
    cause = rows[np.arange(count), (np.arange(count) // 200) % 3] > 0.0
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows, np.where(rng.random(count) < 0.85, cause, rng.random(count) < 0.3)


def teach(model: Any, seed: int, until_alternate: bool = False) -> Any:
    rows, labels = drifting(seed, 600)
    for i, (row, label) in enumerate(zip(as_dicts(NAMES, rows), labels.tolist(), strict=True)):
        model.learn_one(row, label)
        if until_alternate and i > 300 and alternates(model):
            break
    return model


def alternates(model: Any) -> bool:
    root = list(model.classifier.steps.values())[-1]._root
    nodes = list(root.iter_branches()) if hasattr(root, "children") else []
    return any(node._alternate_tree for node in nodes)


@functools.cache
def case(kind: str, seed: int) -> tuple[Model, AnchoredForm]:
    params: dict[str, Any] = {"grace_period": 25, "delta": 0.3, "tau": 0.3, "max_depth": 5}
    params |= {"drift_window_threshold": 40} if kind == "hat" else {"n_models": 3}
    made = make_model(ModelSpec(kind=kind, seed=seed, params=(*params.items(),)), ())
    model = teach(made, seed, until_alternate=kind == "hat")
    return model, compile_anchored(model, NAMES)


def some(seed: int, rows: int) -> tuple[np.ndarray, Belief]:
    rng = np.random.default_rng(seed)
    prior_variance = rng.uniform(0.5, 4.0, 4)
    return drifting(seed, rows)[0], Belief(
        uncertain=rng.random((rows, 4)) < 0.5,
        mean=rng.normal(0.0, 3.0, (rows, 4)),
        variance=prior_variance * rng.uniform(0.01, 1.0, (rows, 4)),
        prior_mean=rng.normal(size=4),
        prior_variance=prior_variance,
        logged=rng.random(4) < 0.5,
        absent=rng.random((rows, 4)) * 0.5,
        prior_absent=rng.random(4) * 0.5,
    )


def prior_of(belief: Belief) -> Belief:
    shape = belief.mean.shape
    assert belief.prior_absent is not None
    return replace(
        belief,
        mean=np.broadcast_to(belief.prior_mean, shape),
        variance=np.broadcast_to(belief.prior_variance, shape),
        absent=np.broadcast_to(belief.prior_absent, shape),
    )


anywhere = st.tuples(st.sampled_from(["hat", "arf"]), st.sampled_from(SEEDS), st.integers(0, 9999))


@examples(10)
@given(anywhere)
def test_arrays_say_what_the_recursion_over_rivers_nodes_says(where: tuple[str, int, int]) -> None:
    model, form = case(*where[:2])
    matrix, belief = some(where[2], 6)
    masked = belief.uncertain
    for how in ("average", "most_common"):
        own = marginal_rows(model, NAMES, 0.1, matrix, masked, how)
        np.testing.assert_allclose(form.marginal(matrix, masked, how), own, rtol=0, atol=1e-12)
    own = expected_rows(model, NAMES, 0.1, matrix, belief)
    np.testing.assert_allclose(form.expected(matrix, belief), own, rtol=0, atol=1e-6)


def plain(node: Any, x: dict[Any, float], masked: set[str], by: Any) -> float:
    """P(True) below a node of a tree that has no alternates and whose leaves all voted."""
    if not hasattr(node, "children"):
        return float(by(node, x))
    if node.feature in masked:
        weights = [child.total_weight for child in node.children]
        shares = [w / sum(weights) if sum(weights) else 0.5 for w in weights]
    else:
        taken = node.most_common_path()[0] if node.feature not in x else node.branch_no(x)
        shares = [float(taken == i) for i in range(len(node.children))]
    below = [plain(child, x, masked, by) for child in node.children]
    return sum(share * each for share, each in zip(shares, below, strict=True))


@pytest.mark.parametrize("leaves", ["mc", "nb", "nba"])
@pytest.mark.parametrize("kind", ["hoeffding", "extremely fast", "forest"])
def test_trees_of_any_leaves_are_averaged_as_the_formula_says(kind: str, leaves: str) -> None:
    """Naive Bayes leaves get what is known and leave the rest out."""
    settings_of: dict[str, Any] = {"grace_period": 40, "delta": 0.3, "leaf_prediction": leaves}
    made: Any = {
        "hoeffding": lambda: tree.HoeffdingTreeClassifier(**settings_of),
        "extremely fast": lambda: tree.ExtremelyFastDecisionTreeClassifier(**settings_of),
        "forest": lambda: forest.ARFClassifier(
            n_models=2, disable_weighted_vote=True, seed=1, **settings_of
        ),
    }[kind]()
    model = teach(made, 3)
    trees = list(model) if kind == "forest" else [model]
    assert any(hasattr(each._root, "children") for each in trees)
    matrix, belief = some(11, 12)
    masked = belief.uncertain
    said = marginal_rows(model, NAMES, 0.1, matrix, masked, "average")
    for row, mask, p in zip(as_dicts(NAMES, matrix), masked, said, strict=True):
        names = {name for name, gone in zip(NAMES, mask, strict=True) if gone}
        known = {name: value for name, value in row.items() if name not in names}
        own = [
            plain(each._root, known, names, lambda leaf, x, t=each: vote(leaf, x, t))
            for each in trees
        ]
        assert p == pytest.approx(np.mean(own), abs=1e-12)
    nowcast = expected_rows(model, NAMES, 0.1, matrix, prior_of(belief))
    np.testing.assert_allclose(nowcast, said, rtol=0, atol=1e-12)
    nothing = np.zeros_like(masked)
    latest = [probability(model, row, 0.1) for row in as_dicts(NAMES, matrix)]
    assert marginal_rows(model, NAMES, 0.1, matrix, nothing, "average").tolist() == latest


def vote(leaf: Any, x: dict[Any, float], own: Any) -> float:
    votes = leaf.prediction(x, tree=own)
    return float(votes.get(True, 0.0) / sum(votes.values()))


@examples(10)
@given(anywhere)
def test_a_belief_equal_to_the_prior_is_degrade(where: tuple[str, int, int]) -> None:
    form = case(*where[:2])[1]
    matrix, belief = some(where[2], 10)
    said = form.expected(matrix, prior_of(belief))
    expected = form.marginal(matrix, belief.uncertain)
    np.testing.assert_allclose(said, expected, rtol=0, atol=1e-12)


@examples(10)
@given(anywhere)
def test_a_belief_without_variance_is_its_mean(where: tuple[str, int, int]) -> None:
    model, form = case(*where[:2])
    matrix, belief = some(where[2], 10)
    sure = replace(belief, mean=drifting(where[2] + 1, 10)[0], variance=np.zeros((10, 4)))
    latest = np.where(sure.uncertain, sure.mean, matrix)
    assert (form.expected(matrix, sure) == form.probabilities(latest)).all()
    own = [probability(model, row, 0.1) for row in as_dicts(NAMES, latest)]
    assert expected_rows(model, NAMES, 0.1, matrix, sure).tolist() == own
    nearly = replace(belief, variance=np.full((10, 4), 1e-14), absent=np.zeros((10, 4)))
    far = distance(form, nearly) > 1e-3
    latest = form.probabilities(np.where(nearly.uncertain, nearly.mean, matrix))
    np.testing.assert_allclose(form.expected(matrix, nearly)[far], latest[far], atol=0.01)


def distance(form: AnchoredForm, belief: Belief) -> np.ndarray:
    """How far (n,) the uncertain means are from the next split on their feature."""
    assert isinstance(form.own, ForestForm)
    nodes = form.own.nodes
    result = np.full(len(belief.mean), np.inf)
    for j in range(4):
        splits = nodes.threshold[nodes.inner][nodes.feature[nodes.inner] == j]
        if len(splits):
            away = np.abs(belief.mean[:, j, None] - splits).min(axis=1)
            result = np.minimum(result, np.where(belief.uncertain[:, j], away, np.inf))
    return result


@examples(6)
@given(anywhere)
def test_nothing_masked_changes_nothing_and_what_is_masked_leaves_no_trace(
    where: tuple[str, int, int],
) -> None:
    model, form = case(*where[:2])
    matrix, belief = some(where[2], 20)
    nothing = replace(belief, uncertain=np.zeros_like(belief.uncertain))
    expected = form.probabilities(matrix)
    assert (form.marginal(matrix, nothing.uncertain) == expected).all()
    assert (form.expected(matrix, nothing) == expected).all()
    other = np.where(belief.uncertain, -7.0 * matrix + 1.0, matrix)
    for how in ("average", "most_common"):
        said = form.marginal(matrix, belief.uncertain, how)
        assert (form.marginal(other, belief.uncertain, how) == said).all()
    assert (form.expected(other, belief) == form.expected(matrix, belief)).all()
    rows = slice(0, 4)
    own = [
        expected_rows(model, NAMES, 0.1, each[rows], belief.rows(rows)) for each in (matrix, other)
    ]
    assert (own[0] == own[1]).all()


@pytest.mark.parametrize("kind", ["hat", "arf"])
def test_a_row_says_the_same_in_any_company(kind: str) -> None:
    form = case(kind, 0)[1]
    matrix, belief = some(5, 300)
    together = form.expected(matrix, belief), form.marginal(matrix, belief.uncertain)
    for step in (1, 7, 64):
        parts = [slice(i, i + step) for i in range(0, 300, step)][:20]
        alone = np.concatenate([form.expected(matrix[p], belief.rows(p)) for p in parts])
        assert (alone == together[0][: len(alone)]).all()
        alone = np.concatenate([form.marginal(matrix[p], belief.uncertain[p]) for p in parts])
        assert (alone == together[1][: len(alone)]).all()


@pytest.mark.parametrize("kind", ["hat", "arf"])
def test_a_tree_that_has_not_grown_yet(kind: str) -> None:
    model = make_model(ModelSpec(kind=kind, prior=0.3), ())
    matrix, belief = some(1, 3)
    for label in (None, False, True):
        if label is not None:
            model.learn_one({"a": 1.0}, label)
        form = compile_anchored(model, NAMES)
        expected = form.probabilities(matrix)
        assert form.marginal(matrix, belief.uncertain) == pytest.approx(expected)
        assert form.expected(matrix, belief) == pytest.approx(expected)
        own = marginal_rows(model, NAMES, 0.3, matrix, belief.uncertain, "average")
        assert own == pytest.approx(expected)


def test_of_two_ways_that_weigh_the_same_the_left_is_the_most_common() -> None:
    """As in River; a leaf that keeps silent has no part in an average."""
    ways = np.array([[1, 2, 1], [1, 1, 1], [2, 2, 2]])
    weight = np.array([2.0, 1.0, 1.0])
    nodes = Nodes(np.zeros(3, dtype=np.intp), np.zeros(3), ways, weight, depth=1)
    for silent, average in ((0.0, 0.9), (0.2, 0.55)):
        votes = np.array([[0.0, 0.1, 0.8 * silent / 0.2], [0.0, 0.9, silent]])
        form = ForestForm(nodes, np.zeros(1, dtype=np.intp), votes)
        matrix, masked = np.ones((2, 1)), np.ones((2, 1), dtype=bool)
        assert form.marginal(matrix, masked, "most_common") == pytest.approx([0.9] * 2)
        assert form.marginal(matrix, masked) == pytest.approx([average] * 2)


def test_other_classifiers_do_without_what_is_masked() -> None:
    model = teach(Anchored(FiniteOnly() | naive_bayes.GaussianNB()), 4)
    matrix, belief = some(2, 8)
    without = np.where(belief.uncertain, np.nan, matrix)
    expected = [probability(model, row, 0.1) for row in as_dicts(NAMES, without)]
    said = marginal_rows(model, NAMES, 0.1, matrix, belief.uncertain, "average")
    np.testing.assert_allclose(said, expected, rtol=0, atol=1e-12)
    means = np.where(belief.uncertain, belief.mean, matrix)
    expected = [probability(model, row, 0.1) for row in as_dicts(NAMES, means)]
    said = expected_rows(model, NAMES, 0.1, matrix, belief)
    np.testing.assert_allclose(said, expected, rtol=0, atol=1e-12)


def test_the_trees_here_have_alternates_and_heights() -> None:
    assert sum(alternates(case("hat", seed)[0]) for seed in SEEDS) >= 1
    depths = [case(kind, seed)[1].own for kind in ("hat", "arf") for seed in SEEDS]
    assert max(own.nodes.depth for own in depths if isinstance(own, ForestForm)) >= 4
