"""Linear models of which some features are masked or believed, against the formulas, in scalars."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.linear import LinearForm
from models.learning.numerics import sigmoid
from models.learning.replay_logistic import ReplayLogistic
from models.staleness.belief import Belief
from tests.properties import examples

F = 5
seeds = st.integers(0, 10_000)


def random_form(rng: np.random.Generator) -> LinearForm:
    """As ``ReplayLogistic`` makes them: absence standardised, so that the mean term is 0."""
    absent, own = rng.uniform(0.0, 0.9, F), rng.normal(size=F)
    absent[rng.random(F) < 0.3] = 0.0
    spread = np.where(absent > 0.0, np.sqrt(absent * (1.0 - absent)), 1.0)
    return LinearForm(
        intercept=float(rng.normal()),
        weights=rng.normal(size=F),
        known=own * (0.0 - absent) / spread,
        unknown=own * (1.0 - absent) / spread,
        mean=rng.normal(size=F),
        scale=rng.uniform(0.5, 3.0, F),
        logged=rng.random(F) < 0.5,
        limit=4.0,
    )


def random_matrix(rng: np.random.Generator, rows: int) -> np.ndarray:
    matrix = rng.normal(0.0, 3.0, (rows, F))
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


def random_belief(rng: np.random.Generator, rows: int) -> Belief:
    prior_variance = rng.uniform(0.1, 4.0, F)
    return Belief(
        uncertain=rng.random((rows, F)) < 0.6,
        mean=rng.normal(0.0, 2.0, (rows, F)),
        variance=prior_variance * rng.uniform(0.01, 1.0, (rows, F)),
        prior_mean=rng.normal(size=F),
        prior_variance=prior_variance,
        logged=rng.random(F) < 0.5,
        absent=rng.random((rows, F)),
        prior_absent=rng.uniform(0.05, 0.95, F),
    )


def absent_share(form: LinearForm, j: int) -> float:
    known, unknown = float(form.known[j]), float(form.unknown[j])
    return known / (known - unknown) if known != unknown else 0.0


def signed_log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


def standardised(form: LinearForm, j: int, mean: float, spread: float, logged: bool) -> np.ndarray:
    """Mean and spread of a plain mean and of a spread on the belief's scale, as the model has z."""
    own = bool(form.logged[j])
    slope = 1.0 / (1.0 + abs(mean))  # of the signed log
    spread *= 1.0 if own == logged else slope if own else 1.0 / slope
    value = signed_log(mean) if own else mean
    return np.array([(value - form.mean[j]) / form.scale[j], spread / form.scale[j]])


def believed_term(form: LinearForm, belief: Belief, row: int, j: int) -> tuple[float, float]:
    """Mean and variance of a term: the mixture of "absent" and N(mean, variance), by its parts."""
    assert belief.logged is not None
    assert belief.absent is not None
    assert belief.prior_absent is not None
    logged = bool(belief.logged[j])
    m, s = standardised(
        form, j, float(belief.mean[row, j]), math.sqrt(belief.variance[row, j]), logged
    )
    m0, s0 = standardised(
        form, j, float(belief.prior_mean[j]), math.sqrt(belief.prior_variance[j]), logged
    )
    s = min(s, s0)
    precision = 1.0 + 1.0 / s**2 - 1.0 / s0**2
    z = min(max((m / s**2 - m0 / s0**2) / precision, -form.limit), form.limit)
    odds = [chance / (1.0 - chance) for chance in (belief.absent[row, j], belief.prior_absent[j])]
    a = absent_share(form, j)
    a = a * odds[0] / odds[1] / (1.0 - a + a * odds[0] / odds[1])
    parts = [(1.0 - a, form.weights[j] * z + form.known[j]), (a, form.unknown[j])]
    mean = sum(share * part for share, part in parts)
    within = (1.0 - a) * form.weights[j] ** 2 / precision
    return float(mean), float(within + sum(share * (part - mean) ** 2 for share, part in parts))


@examples(25)
@given(seeds)
def test_beliefs_move_terms_as_the_formula_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    form, matrix, belief = random_form(rng), random_matrix(rng, 4), random_belief(rng, 4)
    parts, said = form.contributions(matrix), form.expected_logits(matrix, belief)
    for row in range(len(matrix)):
        terms = [
            believed_term(form, belief, row, j)
            if belief.uncertain[row, j]
            else (float(parts[row, j]), 0.0)
            for j in range(F)
        ]
        logit = form.intercept + sum(mean for mean, _ in terms)
        kappa = 1.0 / math.sqrt(1.0 + math.pi * sum(v for _, v in terms) / 8.0)
        assert said[row] == pytest.approx(kappa * logit, abs=1e-6)


@examples(25)
@given(seeds)
def test_masked_features_are_as_over_the_examples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    form, matrix = random_form(rng), random_matrix(rng, 4)
    masked = rng.random(matrix.shape) < 0.5
    parts, said = form.contributions(matrix), form.marginal_logits(matrix, masked)
    usual = form.marginal_logits(matrix, masked, "most_common")
    for row in range(len(matrix)):
        logit, variance, common = form.intercept, 0.0, form.intercept
        for j in range(F):
            if not masked[row, j]:
                logit, common = logit + parts[row, j], common + parts[row, j]
                continue
            a = absent_share(form, j)
            mean = (1.0 - a) * form.known[j] + a * form.unknown[j]
            assert mean == pytest.approx(0.0, abs=1e-12)
            variance += (1.0 - a) * (form.weights[j] ** 2 + form.known[j] ** 2)
            variance += a * form.unknown[j] ** 2
            common += form.unknown[j] if a > 0.5 else form.known[j]
        kappa = 1.0 / math.sqrt(1.0 + math.pi * variance / 8.0)
        assert said[row] == pytest.approx(kappa * logit, abs=1e-9)
        assert usual[row] == pytest.approx(common, abs=1e-12)


@examples(25)
@given(seeds)
def test_a_belief_equal_to_the_prior_is_degrade(seed: int) -> None:
    rng = np.random.default_rng(seed)
    form, matrix, belief = random_form(rng), random_matrix(rng, 20), random_belief(rng, 20)
    assert belief.prior_absent is not None
    prior = replace(
        belief,
        mean=np.broadcast_to(belief.prior_mean, matrix.shape),
        variance=np.broadcast_to(belief.prior_variance, matrix.shape),
        absent=np.broadcast_to(belief.prior_absent, matrix.shape),
    )
    degraded = form.marginal_logits(matrix, belief.uncertain)
    np.testing.assert_allclose(form.expected_logits(matrix, prior), degraded, rtol=0, atol=1e-12)
    nothing = replace(belief, mean=np.full(matrix.shape, np.nan))
    np.testing.assert_allclose(form.expected_logits(matrix, nothing), degraded, rtol=0, atol=1e-12)


@examples(25)
@given(seeds)
def test_a_belief_without_variance_is_its_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    form, matrix, belief = random_form(rng), random_matrix(rng, 20), random_belief(rng, 20)
    sure = replace(belief, mean=random_matrix(rng, 20), variance=np.zeros(matrix.shape))
    latest = form.logits(np.where(sure.uncertain, sure.mean, matrix))
    assert (form.expected_logits(matrix, sure) == latest).all()
    nearly = replace(belief, variance=np.full(matrix.shape, 1e-14), absent=np.zeros(matrix.shape))
    latest = form.logits(np.where(nearly.uncertain, nearly.mean, matrix))
    np.testing.assert_allclose(form.expected_logits(matrix, nearly), latest, atol=1e-4)


@examples(20)
@given(seeds)
def test_nothing_masked_changes_nothing_and_what_is_masked_leaves_no_trace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    form, matrix, belief = random_form(rng), random_matrix(rng, 20), random_belief(rng, 20)
    nothing = replace(belief, uncertain=np.zeros(matrix.shape, dtype=bool))
    assert (form.expected(matrix, nothing) == form.probabilities(matrix)).all()
    assert (form.marginal(matrix, nothing.uncertain) == form.probabilities(matrix)).all()
    other = np.where(belief.uncertain, 50.0 - matrix, matrix)
    assert (form.expected(other, belief) == form.expected(matrix, belief)).all()
    said = form.marginal(matrix, belief.uncertain)
    assert (form.marginal(other, belief.uncertain) == said).all()


@pytest.mark.parametrize("variance", [0.3, 2.0, 9.0])
def test_the_moderated_output_is_near_the_mean_of_the_sigmoid(variance: float) -> None:
    weights = np.array([math.sqrt(variance), 1.0])
    zero, one = np.zeros(2), np.ones(2)
    logged = np.zeros(2, dtype=bool)
    form = LinearForm(-1.0, weights, zero, zero, zero, one, logged, limit=50.0)
    z = np.random.default_rng(1).normal(size=400_000)
    true = sigmoid(-1.0 + 0.5 + weights[0] * z).mean()
    matrix = np.array([[99.0, 0.5]])
    said = form.marginal(matrix, np.array([[True, False]]))[0]
    assert said == pytest.approx(true, abs=0.015)
    assert abs(said - true) < 0.3 * abs(float(sigmoid(np.array([-0.5]))[0]) - true) + 0.002


def test_what_a_model_learned_is_what_a_masked_feature_has() -> None:
    """The form's own moments are those of the examples, absences included."""
    rng = np.random.default_rng(2)
    matrix = rng.normal(3.0, 2.0, (1500, 2))
    matrix[rng.random(1500) < 0.3, 0] = np.nan
    p = sigmoid(np.nan_to_num(matrix[:, 0]) + np.isnan(matrix[:, 0]) - 3.0)
    model = ReplayLogistic(features=("a", "b"), raw=("a", "b"))
    model.learn_many(matrix, (rng.random(1500) < p).astype(float), np.ones(1500))
    form = model.form()
    terms = form.contributions(matrix)[:, 0]
    masked = np.array([[True, False]])
    given_mean = form.marginal_logits(np.array([[0.0, 3.0]]), masked)[0]
    rest = form.intercept + form.contributions(np.array([[0.0, 3.0]]))[0, 1]
    kappa = 1.0 / math.sqrt(1.0 + math.pi * terms.var() / 8.0)
    assert given_mean == pytest.approx(kappa * (rest + terms.mean()), abs=0.1)
