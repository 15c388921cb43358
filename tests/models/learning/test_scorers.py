"""Compiled scorers say what the River object says, to the last bit the same in every batch."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.learning.factory import KINDS, Model
from models.learning.numerics import logit
from models.learning.scorer import Scorer, as_dicts, as_matrix, prior_scorer
from models.learning.trainer import Trainer
from models.spec import Spec
from tests.models.learning.kinds import EVERY_KIND
from tests.properties import examples

DAY = 86_400_000_000
values = st.one_of(
    st.floats(-1e9, 1e9), st.sampled_from([0.0, 1e300, -1e300, np.inf, -np.inf, np.nan])
)
matrices = hnp.arrays(float, st.tuples(st.integers(0, 12), st.just(5)), elements=values)


@pytest.fixture(scope="module")
def trained(
    spec_of: Callable[..., Spec], epoch_of: Callable[..., Any]
) -> dict[str, tuple[Model, Scorer]]:
    models = {}
    for kind in KINDS:
        spec = spec_of(kind)
        trainer = Trainer(spec)
        for day in (50, 51, 52):
            trainer.learn_epoch(day * DAY, epoch_of(spec, day * DAY, 150), position=0)
        models[kind] = (trainer._state.model, trainer.scorer)
    return models


@pytest.mark.parametrize("kind", EVERY_KIND)
@examples(40)
@given(matrix=matrices)
def test_scorer_equals_the_river_object(
    kind: str, matrix: np.ndarray, trained: dict[str, tuple[Model, Scorer]], spec: Spec
) -> None:
    model, scorer = trained[kind]
    names = [feature.name for feature in spec.features]
    expected = [model.predict_proba_one(row)[True] for row in as_dicts(names, matrix)]
    raw = [dict(zip(names, row, strict=True)) for row in matrix.tolist()]
    assert [model.predict_proba_one(row)[True] for row in raw] == expected
    predicted = scorer.predict(matrix)
    assert predicted.shape == (len(matrix),)
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-9)
    assert ((predicted >= 0) & (predicted <= 1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_scores_the_same_bits_in_any_company(
    kind: str, trained: dict[str, tuple[Model, Scorer]], matrix_of: Callable[..., np.ndarray]
) -> None:
    scorer = trained[kind][1]
    matrix = matrix_of(np.random.default_rng(1), 100)
    together = scorer.predict(matrix)
    for size in (1, 2, 3, 7, 33):
        parts = [scorer.predict(matrix[i : i + size]) for i in range(0, 100, size)]
        assert (np.concatenate(parts) == together).all()
    assert (scorer.predict(np.asfortranarray(matrix)) == together).all()
    assert (scorer.predict(matrix[::-1])[::-1] == together).all()


@pytest.mark.parametrize("kind", ["mixture", "logistic", "boosted"])
@examples(40)
@given(matrix=matrices)
def test_contributions_add_up_to_the_logit(
    kind: str, matrix: np.ndarray, trained: dict[str, tuple[Model, Scorer]]
) -> None:
    scorer = trained[kind][1]
    parts = scorer.contributions(matrix)
    assert parts is not None
    assert parts.shape == matrix.shape
    assert scorer.intercept is not None
    expected = [logit(float(p)) for p in scorer.predict(matrix)]
    np.testing.assert_allclose(scorer.intercept + parts.sum(axis=1), expected, atol=1e-6)


def test_contributions_are_against_the_average_user(
    trained: dict[str, tuple[Model, Scorer]], spec: Spec, epoch_of: Callable[..., Any]
) -> None:
    scorer = trained["logistic"][1]
    names = [feature.name for feature in spec.features]
    learned = [e.complete for day in (50, 51, 52) for e in epoch_of(spec, day * DAY, 150)]
    parts = scorer.contributions(as_matrix(names, learned))
    assert parts is not None
    assert np.abs(parts.mean(axis=0)).max() < 0.01
    assert parts[:, names.index("recency")].std() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_scoring_changes_nothing(
    kind: str, trained: dict[str, tuple[Model, Scorer]], matrix_of: Callable[..., np.ndarray]
) -> None:
    scorer = trained[kind][1]
    matrix = matrix_of(np.random.default_rng(2), 50)
    given, before = matrix.copy(), pickle.dumps(scorer)
    first, again = scorer.predict(matrix), scorer.predict(matrix)
    scorer.contributions(matrix)
    assert (first == again).all()
    assert pickle.dumps(scorer) == before
    np.testing.assert_array_equal(matrix, given)


def test_the_prior_scores_everyone_alike(spec: Spec) -> None:
    scorer = prior_scorer(spec)
    assert (scorer.name, scorer.version, scorer.valid_from) == ("champion", 0, None)
    assert scorer.predict(np.full((3, 5), np.nan)).tolist() == [0.2, 0.2, 0.2]
    assert scorer.contributions(np.zeros((3, 5))) is None


def test_vectors_become_matrices_and_back() -> None:
    names = ("a", "b")
    vectors: list[dict[str, Any]] = [{"a": 1, "b": None}, {"b": 2.5, "other": 9.0}, {}]
    matrix = as_matrix(names, vectors)
    np.testing.assert_array_equal(matrix, [[1.0, np.nan], [np.nan, 2.5], [np.nan, np.nan]])
    assert as_dicts(names, matrix) == [{"a": 1.0}, {"b": 2.5}, {}]
    assert as_matrix(names, []).shape == (0, 2)
