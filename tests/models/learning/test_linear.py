"""The compiled linear model against its formula, and against itself in other company."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.learning.linear import LinearForm, running_sum

FEATURES = 37


@pytest.fixture(scope="module")
def form() -> LinearForm:
    rng = np.random.default_rng(5)
    return LinearForm(
        intercept=-3.0,
        weights=rng.normal(0, 0.3, FEATURES),
        known=rng.normal(0, 0.1, FEATURES),
        unknown=rng.normal(0, 0.1, FEATURES),
        mean=rng.normal(2, 1, FEATURES),
        scale=rng.uniform(0.5, 2, FEATURES),
        logged=rng.random(FEATURES) < 0.7,
        limit=4.0,
    )


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    rng = np.random.default_rng(6)
    values = rng.lognormal(1, 2, (200, FEATURES)) * rng.choice([-1, 1], (200, FEATURES))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def test_follows_its_formula(form: LinearForm, matrix: np.ndarray) -> None:
    for row, p in zip(matrix[:20], form.probabilities(matrix), strict=False):
        total = form.intercept
        for j, x in enumerate(row.tolist()):
            if math.isnan(x):
                total += form.unknown[j]
                continue
            t = math.copysign(math.log1p(abs(x)), x) if form.logged[j] else x
            z = min(4.0, max(-4.0, (t - form.mean[j]) / form.scale[j]))
            total += form.weights[j] * z + form.known[j]
        assert p == pytest.approx(1 / (1 + math.exp(-total)), abs=1e-12)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_a_row_has_the_same_bits_in_every_batch(
    form: LinearForm, matrix: np.ndarray, size: int
) -> None:
    together = form.probabilities(matrix)
    parts = [form.probabilities(matrix[i : i + size]) for i in range(0, 200, size)]
    assert (np.concatenate(parts) == together).all()
    assert (form.probabilities(np.asfortranarray(matrix)) == together).all()
    assert (form.probabilities(np.repeat(matrix, 2, axis=0)[::2]) == together).all()


def test_sums_from_left_to_right() -> None:
    row = np.array([[1e16, 1.0, -1e16, 1.0] * 5])
    total = 0.0
    for value in row[0].tolist():
        total += value
    assert running_sum(row)[0] == total
    assert running_sum(np.zeros((3, 0))).tolist() == [0.0] * 3
