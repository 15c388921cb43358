"""Growing a tree, coding values and dealing out what a tree says, each against a plain oracle."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.learning.bins import BEYOND, Bins, singles
from models.learning.compiled.attribution import TreeAttribution
from models.learning.compiled.oblivious import ObliviousForm
from models.learning.oblivious import grow, leaves
from tests.properties import examples

values = st.one_of(
    st.floats(-3, 3, width=32), st.sampled_from([0.0, 1.0, 1e300, -1e300, np.inf, np.nan])
)
matrices = hnp.arrays(float, st.tuples(st.integers(1, 25), st.just(3)), elements=values)


@examples(60)
@given(matrices, st.integers(2, 6))
def test_a_code_says_which_edges_a_value_is_above(matrix: np.ndarray, bins: int) -> None:
    rows = singles(matrix)
    coded = Bins.of(rows, bins)
    codes = coded.codes(rows)
    assert coded.missing == bins
    for row, own in zip(rows, codes, strict=True):
        for value, code, edges in zip(row, own, coded.edges, strict=True):
            if math.isnan(value):
                assert code == bins
            else:
                assert [code > i for i in range(bins - 1)] == (value > edges).tolist()


def test_a_common_value_takes_one_bin_and_leaves_the_others() -> None:
    rng = np.random.default_rng(0)
    rows = np.where(rng.random(5000) < 0.9, 0.0, rng.exponential(1.0, 5000))[:, None]
    codes = Bins.of(singles(rows), 16).codes(singles(rows))
    counts = np.bincount(codes[:, 0], minlength=16)
    assert counts[0] == (rows == 0.0).sum()
    assert (counts[1:16] > 0).all()
    assert counts[1:16].max() < 3 * counts[1:16].min() + 5


def plain_leaf(codes: np.ndarray, missing: int, levels: list[tuple[int, int, bool]]) -> int:
    leaf = 0
    for feature, edge, right in levels:
        code = codes[feature]
        leaf = 2 * leaf + int(right if code == missing else code > edge)
    return leaf


def merit(
    codes: np.ndarray, missing: int, levels: list[tuple[int, int, bool]], g: np.ndarray, l2: float
) -> float:
    """Σ G² / (H + l2) over the nodes, h = |g|."""
    nodes: dict[int, tuple[float, float]] = {}
    for row, each in zip(codes, g.tolist(), strict=True):
        leaf = plain_leaf(row, missing, levels)
        before = nodes.get(leaf, (0.0, 0.0))
        nodes[leaf] = (before[0] + each, before[1] + abs(each))
    return sum(a * a / (b + l2) for a, b in nodes.values())


@examples(40)
@given(st.integers(0, 10_000))
def test_each_level_is_the_best_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    missing, depth, l2 = 3, 3, 0.7
    codes = rng.integers(0, missing + 1, (20, 3)).astype(np.uint8)
    g = rng.normal(size=20)
    levels = grow(codes, missing, g, np.abs(g), np.array([0, 2]), depth, l2)
    grown = list(zip(*(part.tolist() for part in levels), strict=True))
    choices = list(itertools.product((0, 2), range(missing - 1), (False, True)))
    for level in range(depth):
        best = max(merit(codes, missing, [*grown[:level], c], g, l2) for c in choices)
        assert merit(codes, missing, grown[: level + 1], g, l2) == pytest.approx(best)
    expected = [plain_leaf(row, missing, grown) for row in codes]
    assert leaves(codes, missing, *levels).tolist() == expected


def random_form(rng: np.random.Generator, trees: int, depth: int, features: int) -> ObliviousForm:
    weights = rng.exponential(1.0, (trees, 1 << depth))
    weights[rng.random(weights.shape) < 0.2] = 0.0
    return ObliviousForm(
        intercept=-1.5,
        feature=rng.integers(0, features, (trees, depth)),
        threshold=rng.normal(size=(trees, depth)).astype(np.float32),
        unknown_right=rng.random((trees, depth)) < 0.5,
        values=rng.normal(size=(trees, 1 << depth)),
        weights=weights,
    )


def goes_right(form: ObliviousForm, tree: int, level: int, row: np.ndarray) -> bool:
    value = np.float32(row[form.feature[tree, level]])
    if math.isnan(value):
        return bool(form.unknown_right[tree, level])
    return bool(value > form.threshold[tree, level])


def expectation(
    form: ObliviousForm, tree: int, row: np.ndarray, known: set[int], leaf: int = 0, level: int = 0
) -> float:
    """By recursion: both ways, by training weight, at a split on a feature that is not known."""
    depth = form.feature.shape[1]
    if level == depth:
        return float(form.values[tree, leaf])
    left, right = (expectation(form, tree, row, known, 2 * leaf + w, level + 1) for w in (0, 1))
    if int(form.feature[tree, level]) in known:
        return right if goes_right(form, tree, level, row) else left
    below = 1 << (depth - level - 1)
    weights = [form.weights[tree, (2 * leaf + w) * below :][:below].sum() for w in (0, 1)]
    share = weights[1] / sum(weights) if sum(weights) else 0.5
    return float((1 - share) * left + share * right)


@examples(25)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_contributions_are_the_shapley_values(seed: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    form = random_form(rng, 3, depth, features=3)
    matrix = rng.normal(size=(4, 3))
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    said = TreeAttribution.of(form)
    parts = said.contributions(matrix)

    def worth(row: np.ndarray, known: tuple[int, ...]) -> float:
        return form.intercept + sum(expectation(form, t, row, set(known)) for t in range(3))

    for row, own in zip(matrix, parts, strict=True):
        assert said.intercept == pytest.approx(worth(row, ()))
        for feature in range(3):
            orders = list(itertools.permutations(range(3)))
            gains = [
                worth(row, order[: i + 1]) - worth(row, order[:i])
                for order in orders
                for i in [order.index(feature)]
            ]
            assert own[feature] == pytest.approx(np.mean(gains), abs=1e-12)
    np.testing.assert_allclose(said.intercept + parts.sum(axis=1), form.logits(matrix), atol=1e-12)


def test_the_arrays_follow_the_formula() -> None:
    rng = np.random.default_rng(3)
    form = random_form(rng, 7, 4, features=5)
    matrix = rng.normal(size=(700, 5))
    matrix[rng.random(matrix.shape) < 0.2] = rng.choice([np.nan, np.inf, -np.inf])
    matrix[0], matrix[1] = 1e300, -1e300
    known = np.clip(np.where(np.isinf(matrix), np.nan, matrix), -BEYOND, BEYOND)
    for row, logit in zip(known, form.logits(matrix), strict=True):
        total = form.intercept
        for tree in range(7):
            bits = "".join(str(int(goes_right(form, tree, level, row))) for level in range(4))
            total += form.values[tree, int(bits, 2)]
        assert logit == pytest.approx(total, abs=1e-12)
