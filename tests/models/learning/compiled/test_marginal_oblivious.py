"""Oblivious trees marginalised and split softly, against recursions that follow the formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.compiled.attribution import TreeAttribution
from models.learning.compiled.cells import LEAST, TAIL
from models.learning.compiled.oblivious import ObliviousForm
from models.learning.compiled.soft_oblivious import BLOCK
from models.staleness.belief import Belief
from tests.properties import examples

F = 4


def random_form(rng: np.random.Generator, depth: int, trees: int = 4) -> ObliviousForm:
    """Trees over few features, so that a path often splits on the same one again.

    Their weights are those of examples: where a second split contradicts the first none went down.
    """
    form = ObliviousForm(
        intercept=-1.5,
        feature=rng.integers(0, F, (trees, depth)),
        threshold=rng.choice(np.linspace(-1.5, 1.5, 7), (trees, depth)).astype(np.float32),
        unknown_right=rng.random((trees, depth)) < 0.5,
        values=rng.normal(size=(trees, 1 << depth)),
        weights=np.zeros((trees, 1 << depth)),
    )
    rows = random_matrix(rng, 300)
    for tree, leaf in enumerate(form.leaves(rows)):
        form.weights[tree] = np.bincount(leaf, rng.exponential(1.0, 300), 1 << depth)
    return form


def random_matrix(rng: np.random.Generator, rows: int) -> np.ndarray:
    matrix = rng.normal(size=(rows, F))
    matrix[rng.random(matrix.shape) < 0.15] = np.nan
    return matrix


def random_belief(rng: np.random.Generator, rows: int, logged: bool = True) -> Belief:
    prior_variance = rng.uniform(0.2, 2.0, F)
    return Belief(
        uncertain=rng.random((rows, F)) < 0.5,
        mean=rng.normal(size=(rows, F)),
        variance=prior_variance * rng.uniform(0.001, 1.0, (rows, F)),
        prior_mean=rng.normal(size=F),
        prior_variance=prior_variance,
        logged=rng.random(F) < 0.5 if logged else None,
        absent=rng.random((rows, F)),
        prior_absent=rng.random(F),
    )


Share = Callable[[int, int, int, tuple[int, ...]], float]
"""Share of the right way: of a tree, a level, a row, below a path of ways."""


def expected_logit(form: ObliviousForm, row: int, share: Share) -> float:
    """By recursion over the splits."""

    def below(tree: int, path: tuple[int, ...]) -> float:
        level = len(path)
        if level == form.feature.shape[1]:
            return float(form.values[tree, int("".join(map(str, path)) or "0", 2)])
        right = share(tree, level, row, path)
        return (1.0 - right) * below(tree, (*path, 0)) + right * below(tree, (*path, 1))

    return form.intercept + math.fsum(below(tree, ()) for tree in range(len(form.values)))


def way(form: ObliviousForm, tree: int, level: int, value: float) -> float:
    if math.isnan(value):
        return float(form.unknown_right[tree, level])
    return float(np.float32(value) > form.threshold[tree, level])


def by_weight(form: ObliviousForm, tree: int, path: tuple[int, ...]) -> float:
    """Share of the training weight that went to the right below a path."""
    leaves = form.weights[tree].reshape((2,) * form.feature.shape[1])
    left, right = (float(leaves[(*path, w)].sum()) for w in (0, 1))
    return right / (left + right) if left + right else 0.5


def signed_log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


def normal_mass(mean: float, spread: float, low: float, high: float) -> float:
    ends = [0.5 * math.erfc((mean - edge) / spread / math.sqrt(2.0)) for edge in (low, high)]
    return max(0.0, ends[1] - ends[0])


def soft_share(form: ObliviousForm, belief: Belief) -> Share:
    """The formula of ``cells``, word by word."""
    logged, absent, prior_absent = belief.logged, belief.absent, belief.prior_absent
    assert logged is not None
    assert absent is not None
    assert prior_absent is not None

    def share(tree: int, level: int, row: int, path: tuple[int, ...]) -> float:
        j = int(form.feature[tree, level])
        low, high, unknown = -math.inf, math.inf, True
        for above, taken in enumerate(path):
            if form.feature[tree, above] == j:
                edge = float(form.threshold[tree, above])
                low, high = (max(low, edge), high) if taken else (low, min(high, edge))
                unknown &= bool(form.unknown_right[tree, above]) == bool(taken)
        at, high = min(max(float(form.threshold[tree, level]), low), max(low, high)), max(low, high)
        t = signed_log if logged[j] else float
        s, s0 = math.sqrt(belief.variance[row, j]), math.sqrt(belief.prior_variance[j])
        tail = max(TAIL * s / s0, LEAST)
        odds = 1.0
        for ends, goes, sign in (((at, high), True, 1), ((low, at), False, -1)):
            comes = float(unknown and bool(form.unknown_right[tree, level]) == goes)
            now, usually = float(absent[row, j]), float(prior_absent[j])
            ends_on = (t(ends[0]), t(ends[1]))
            q = normal_mass(t(belief.mean[row, j]), s, *ends_on) * (1 - now) + now * comes
            p = normal_mass(t(belief.prior_mean[j]), s0, *ends_on) * (1 - usually) + usually * comes
            odds *= ((q + tail) / (p + TAIL)) ** sign
        right = by_weight(form, tree, path)
        return right * odds / (right * odds + 1.0 - right)

    return share


def hard_unless(
    form: ObliviousForm, matrix: np.ndarray, soft: np.ndarray, otherwise: Share
) -> Share:
    def share(tree: int, level: int, row: int, path: tuple[int, ...]) -> float:
        j = int(form.feature[tree, level])
        if soft[row, j]:
            return otherwise(tree, level, row, path)
        return way(form, tree, level, float(matrix[row, j]))

    return share


cases = st.tuples(st.integers(0, 10_000), st.integers(1, 4))


@examples(15)
@given(cases)
def test_masked_features_are_averaged_by_the_training_weight(case: tuple[int, int]) -> None:
    rng = np.random.default_rng(case[0])
    form, matrix = random_form(rng, case[1]), random_matrix(rng, 6)
    masked = rng.random(matrix.shape) < 0.5

    def average(tree: int, level: int, row: int, path: tuple[int, ...]) -> float:
        return by_weight(form, tree, path)

    def most_common(tree: int, level: int, row: int, path: tuple[int, ...]) -> float:
        return float(by_weight(form, tree, path) > 0.5)

    said = form.marginal_logits(matrix, masked)
    common = form.marginal_logits(matrix, masked, "most_common")
    for row in range(len(matrix)):
        own = expected_logit(form, row, hard_unless(form, matrix, masked, average))
        assert said[row] == pytest.approx(own, abs=1e-12)
        own = expected_logit(form, row, hard_unless(form, matrix, masked, most_common))
        assert common[row] == pytest.approx(own, abs=1e-12)


@examples(15)
@given(cases)
def test_beliefs_split_the_odds_as_the_formula_says(case: tuple[int, int]) -> None:
    rng = np.random.default_rng(case[0])
    form, matrix, belief = random_form(rng, case[1]), random_matrix(rng, 5), random_belief(rng, 5)
    said = form.expected_logits(matrix, belief)
    share = hard_unless(form, matrix, belief.uncertain, soft_share(form, belief))
    for row in range(len(matrix)):
        assert said[row] == pytest.approx(expected_logit(form, row, share), abs=1e-6)


@examples(15)
@given(cases)
def test_a_belief_equal_to_the_prior_is_degrade(case: tuple[int, int]) -> None:
    rng = np.random.default_rng(case[0])
    form, matrix, belief = random_form(rng, case[1]), random_matrix(rng, 20), random_belief(rng, 20)
    assert belief.prior_absent is not None
    prior = replace(
        belief,
        mean=np.broadcast_to(belief.prior_mean, matrix.shape),
        variance=np.broadcast_to(belief.prior_variance, matrix.shape),
        absent=np.broadcast_to(belief.prior_absent, matrix.shape),
    )
    degraded = form.marginal_logits(matrix, belief.uncertain)
    np.testing.assert_allclose(form.expected_logits(matrix, prior), degraded, atol=1e-12)
    unknown = replace(belief, mean=np.full(matrix.shape, np.nan))
    np.testing.assert_allclose(form.expected_logits(matrix, unknown), degraded, atol=1e-12)
    endless = replace(belief, variance=np.full(matrix.shape, np.inf))
    np.testing.assert_allclose(form.expected_logits(matrix, endless), degraded, atol=1e-12)


@examples(15)
@given(cases)
def test_a_belief_without_variance_is_its_mean(case: tuple[int, int]) -> None:
    rng = np.random.default_rng(case[0])
    form, matrix, belief = random_form(rng, case[1]), random_matrix(rng, 20), random_belief(rng, 20)
    sure = replace(belief, mean=random_matrix(rng, 20), variance=np.zeros(matrix.shape))
    latest = form.logits(np.where(sure.uncertain, sure.mean, matrix))
    assert (form.expected_logits(matrix, sure) == latest).all()
    # And nearly so with nearly none, away from the edges, and where examples went either way.
    near = replace(belief, variance=np.full(matrix.shape, 1e-10), absent=np.zeros(matrix.shape))
    off = np.abs(belief.mean[:, :, None] - np.unique(form.threshold)).min(axis=2) > 1e-3
    weighty = replace(form, weights=form.weights + np.where(impossible(form), 0.0, 1.0))
    latest = weighty.logits(np.where(near.uncertain, near.mean, matrix))
    rows = (off | ~near.uncertain).all(axis=1)
    np.testing.assert_allclose(weighty.expected_logits(matrix, near)[rows], latest[rows], atol=0.01)


def impossible(form: ObliviousForm) -> np.ndarray:
    """Leaves (t, 2^d) to which no known value leads."""
    result = np.ones(form.values.shape, dtype=bool)
    grid = np.linspace(-2.0, 2.0, 9)
    rows = np.stack(np.meshgrid(*[grid] * F), axis=-1).reshape(-1, F)
    for tree, leaf in enumerate(form.leaves(rows)):
        result[tree, leaf] = False
    return result


@examples(8)
@given(cases)
def test_what_is_not_known_leaves_no_trace(case: tuple[int, int]) -> None:
    rng = np.random.default_rng(case[0])
    form, matrix, belief = random_form(rng, case[1]), random_matrix(rng, 15), random_belief(rng, 15)
    other = np.where(belief.uncertain, random_matrix(rng, 15) * 100.0, matrix)
    for how in ("average", "most_common"):
        said = form.marginal(matrix, belief.uncertain, how)
        assert (form.marginal(other, belief.uncertain, how) == said).all()
    assert (form.expected(other, belief) == form.expected(matrix, belief)).all()


@examples(8)
@given(cases)
def test_nothing_masked_changes_nothing(case: tuple[int, int]) -> None:
    rng = np.random.default_rng(case[0])
    form, matrix = random_form(rng, case[1]), random_matrix(rng, 15)
    nothing = np.zeros(matrix.shape, dtype=bool)
    expected = form.probabilities(matrix)
    assert (form.marginal(matrix, nothing) == expected).all()
    belief = replace(random_belief(rng, 15), uncertain=nothing)
    assert (form.expected(matrix, belief) == expected).all()
    none = form.some(np.zeros(0, dtype=np.intp))
    assert (none.expected_logits(matrix, random_belief(rng, 15)) == form.intercept).all()
    assert (none.marginal_logits(matrix, ~nothing) == form.intercept).all()


def test_everything_masked_is_what_reasons_begin_with() -> None:
    rng = np.random.default_rng(5)
    form, matrix = random_form(rng, 4), random_matrix(rng, 3)
    said = form.marginal_logits(matrix, np.ones(matrix.shape, dtype=bool))
    assert said == pytest.approx([TreeAttribution.of(form).intercept] * 3)


def test_a_row_says_the_same_in_any_company() -> None:
    rng = np.random.default_rng(6)
    form, size = random_form(rng, 4, trees=20), 2 * BLOCK + 5
    matrix, belief = random_matrix(rng, size), random_belief(rng, size)
    together = form.expected(matrix, belief), form.marginal(matrix, belief.uncertain)
    for step in (1, 7, BLOCK):
        parts = [slice(i, i + step) for i in range(0, size, step)][:25]
        alone = np.concatenate([form.expected(matrix[p], belief.rows(p)) for p in parts])
        assert (alone == together[0][: len(alone)]).all()
        alone = np.concatenate([form.marginal(matrix[p], belief.uncertain[p]) for p in parts])
        assert (alone == together[1][: len(alone)]).all()
