"""Every scorer leaves out what is masked and weighs what is believed; the mixture its members'."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.learning.compiled.mixture import MixtureForm
from models.learning.factory import KINDS
from models.learning.numerics import sigmoid
from models.learning.scorer import ArrayScorer, RiverScorer, Scorer, prior_scorer
from models.learning.trainer import Trainer
from models.spec import Spec
from models.staleness.belief import Belief

DAY = 86_400_000_000
CASES = (*KINDS, "nba")


@pytest.fixture(scope="module")
def scorers(spec_of: Callable[..., Spec], epoch_of: Callable[..., list[Any]]) -> dict[str, Scorer]:
    def scorer(kind: str, **params: Any) -> Scorer:
        spec = spec_of(kind, **params)
        trainer = Trainer(spec)
        for day in (50, 51):
            trainer.learn_epoch(day * DAY, epoch_of(spec, day * DAY, 120), position=day)
        return trainer.scorer

    eager = {"grace_period": 20, "delta": 0.5, "tau": 0.5}
    made = {kind: scorer(kind, **(eager if kind == "hat" else {})) for kind in KINDS}
    return made | {"nba": scorer("hat", leaf_prediction="nba", **eager)}


def some(rows: int, matrix_of: Callable[..., np.ndarray]) -> tuple[np.ndarray, Belief]:
    rng = np.random.default_rng(7)
    shape = (rows, 5)
    return matrix_of(rng, rows), Belief(
        uncertain=rng.random(shape) < 0.4,
        mean=rng.lognormal(1.0, 1.0, shape),
        variance=rng.uniform(0.01, 0.5, shape),
        prior_mean=rng.lognormal(1.0, 1.0, 5),
        prior_variance=rng.uniform(0.5, 2.0, 5),
        logged=np.array([True, True, False, False, False]),
    )


@pytest.mark.parametrize("kind", CASES)
def test_what_holds_for_all(
    kind: str, scorers: dict[str, Scorer], matrix_of: Callable[..., np.ndarray]
) -> None:
    scorer = scorers[kind]
    assert isinstance(scorer, RiverScorer if kind == "nba" else ArrayScorer)
    matrix, belief = some(60, matrix_of)
    nothing = replace(belief, uncertain=np.zeros_like(belief.uncertain))
    predicted, before = scorer.predict(matrix), pickle.dumps(scorer)
    np.testing.assert_allclose(scorer.marginal(matrix, nothing.uncertain), predicted, atol=1e-12)
    np.testing.assert_allclose(scorer.expected(matrix, nothing), predicted, atol=1e-12)
    degraded, nowcast = scorer.marginal(matrix, belief.uncertain), scorer.expected(matrix, belief)
    for said in (degraded, nowcast):
        assert said.shape == (60,)
        assert ((said >= 0.0) & (said <= 1.0)).all()
        assert np.abs(said - predicted).max() > 1e-3
    assert np.abs(degraded - nowcast).max() > 1e-3
    shape = matrix.shape
    prior = replace(
        belief,
        mean=np.broadcast_to(belief.prior_mean, shape),
        variance=np.broadcast_to(belief.prior_variance, shape),
    )
    np.testing.assert_allclose(scorer.expected(matrix, prior), degraded, rtol=0, atol=1e-12)
    sure = replace(belief, variance=np.zeros(shape))
    latest = scorer.predict(np.where(belief.uncertain, belief.mean, matrix))
    np.testing.assert_allclose(scorer.expected(matrix, sure), latest, rtol=0, atol=1e-12)
    other = np.where(belief.uncertain, 3.0 * matrix + 1.0, matrix)
    assert (scorer.marginal(other, belief.uncertain) == degraded).all()
    assert (scorer.expected(other, belief) == nowcast).all()
    assert pickle.dumps(scorer) == before
    assert scorer.marginal(matrix[:0], belief.uncertain[:0]).shape == (0,)
    assert scorer.expected(matrix[:0], belief.rows(slice(0, 0))).shape == (0,)


def test_a_mixture_mixes_what_its_members_expect(
    scorers: dict[str, Scorer], matrix_of: Callable[..., np.ndarray]
) -> None:
    scorer = scorers["mixture"]
    assert isinstance(scorer, ArrayScorer)
    form = scorer.form
    assert isinstance(form, MixtureForm)
    matrix, belief = some(9, matrix_of)
    masked = belief.uncertain
    logits = [
        [member.marginal_logits(matrix, masked, "most_common") for member in form.members],
        [member.expected_logits(matrix, belief) for member in form.members],
    ]
    degraded, nowcast = (sigmoid(np.tensordot(form.weights, own, axes=1)) for own in logits)
    np.testing.assert_allclose(scorer.marginal(matrix, masked, "most_common"), degraded)
    np.testing.assert_allclose(scorer.expected(matrix, belief), nowcast)


def test_the_prior_knows_nothing_anyway(spec: Spec, matrix_of: Callable[..., np.ndarray]) -> None:
    matrix, belief = some(4, matrix_of)
    scorer = prior_scorer(spec)
    assert scorer.marginal(matrix, belief.uncertain).tolist() == [0.2] * 4
    assert scorer.expected(matrix, belief).tolist() == [0.2] * 4
