"""Scale, reservoir, base rate and rolling figures, each against a plain computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.learning.base_rate import BaseRate
from models.learning.prequential import RollingQuality
from models.learning.reservoir import Reservoir
from models.learning.scale import Scale
from tests.properties import examples

matrices = hnp.arrays(
    float,
    st.tuples(st.integers(1, 30), st.just(3)),
    elements=st.one_of(st.floats(-1e4, 1e4), st.just(math.nan)),
)


@examples(30)
@given(matrices, st.integers(0, 1000))
def test_scale_is_that_of_the_known_values_without_their_tails(
    matrix: np.ndarray, seed: int
) -> None:
    weights = np.random.default_rng(seed).integers(1, 4, len(matrix)).astype(float)
    scale = Scale.of(matrix, weights)
    for j, column in enumerate(matrix.T):
        repeated = np.sort(np.repeat(column, weights.astype(int)))
        known = repeated[~np.isnan(repeated)]
        assert scale.absent[j] == pytest.approx(1 - len(known) / len(repeated))
        if not len(known):
            assert (scale.mean[j], scale.deviation[j]) == (0.0, 1.0)
            continue
        low, high = (known[math.ceil(q * len(known) - 1e-9) - 1] for q in (0.025, 0.975))
        clipped = known if low == high else np.clip(known, low, high)
        assert scale.mean[j] == pytest.approx(clipped.mean(), abs=1e-6)
        expected = clipped.std() if clipped.min() < clipped.max() else 1.0
        assert scale.deviation[j] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_scale_is_not_moved_by_a_few_absurd_values_but_sees_rare_ones() -> None:
    rng = np.random.default_rng(0)
    usual, rare = rng.normal(5.0, 2.0, 1000), (np.arange(1000) % 100 == 0).astype(float)
    usual[:10], usual[10:20] = 1e9, -1e9
    scale = Scale.of(np.column_stack((usual, rare)), np.ones(1000))
    assert scale.mean[0] == pytest.approx(5.0, abs=0.3)
    assert scale.deviation[0] == pytest.approx(2.0, abs=0.3)
    assert scale.mean[1] == pytest.approx(0.01)
    assert scale.deviation[1] == pytest.approx(math.sqrt(0.01 * 0.99))


def test_reservoir_keeps_each_row_with_the_same_chance() -> None:
    rng = np.random.default_rng(1)
    kept = np.zeros(60)
    for _ in range(800):
        reservoir = Reservoir(capacity=12, columns=1)
        for i in range(60):
            reservoir.offer(np.array([float(i)]), 1.0, rng)
        kept[int(reservoir.draw(rng.random(1))[0][0, 0])] += 1
    expected = 800 / 60
    assert ((kept - expected) ** 2 / expected).sum() < 100  # chi square, 59 degrees: p < 1e-3


def test_reservoir_is_bounded_and_keeps_weights_with_rows() -> None:
    rng = np.random.default_rng(2)
    reservoir = Reservoir(capacity=100, columns=2)
    assert len(reservoir.draw(rng.random(4))[0]) == 0
    for i in range(1000):
        reservoir.offer(np.array([float(i), np.nan]), 2.0 * i, rng)
        assert len(reservoir) == min(i + 1, 100)
    rows, weights = reservoir.draw(rng.random(500))
    assert (weights == 2.0 * rows[:, 0]).all()
    assert rows[:, 0].min() < 200
    assert rows[:, 0].max() > 800
    reservoir.grow(3)
    assert np.isnan(reservoir.draw(rng.random(5))[0][:, 1:]).all()


def test_base_rate_starts_at_the_prior_and_goes_to_the_rate() -> None:
    base = BaseRate(prior=0.1, weight=50)
    assert base.rate() == pytest.approx(0.1)
    for i in range(100_000):
        base.update(i % 50 == 0, 1.0)
    assert base.rate() == pytest.approx(0.02, abs=1e-4)
    assert base.trust(patience=2000) == pytest.approx(0.5)


def test_rolling_figures_are_those_of_the_window() -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random(300) < 0.3).astype(float)
    predicted = np.round(rng.random(300) * 0.5 + labels * 0.3, 1).clip(0.0, 0.9)
    quality = RollingQuality(size=120)
    for start in range(0, 300, 50):
        part = slice(start, start + 50)
        quality.update(labels[part], predicted[part], np.ones(50), base_rate=0.25)
    y, p = labels[-120:], predicted[-120:]
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]]
    assert len(quality) == 120
    assert quality.auc() == pytest.approx(np.mean(pairs))
    clipped = np.clip(p, 1e-15, 1)
    losses = [
        -math.log(q) if label else -math.log(1 - q) for label, q in zip(y, clipped, strict=True)
    ]
    assert quality.log_loss() == pytest.approx(np.mean(losses))
    assert quality.base_log_loss() == pytest.approx(
        -(y.mean() * math.log(0.25) + (1 - y.mean()) * math.log(0.75))
    )


def test_no_figures_without_both_classes() -> None:
    quality = RollingQuality(size=10)
    quality.update(np.zeros(5), np.full(5, 0.1), np.ones(5), 0.1)
    assert quality.auc() is quality.log_loss() is quality.base_log_loss() is None


def test_bands_say_how_true_their_probabilities_were() -> None:
    quality = RollingQuality(size=6)
    quality.update(np.ones(3), np.full(3, 0.9), np.ones(3), 0.1)
    predicted = np.array([0.0, 0.05, 0.1, 0.1, 0.3, 0.3])
    labels, weights = np.array([0.0, 0, 0, 1, 1, 0]), np.array([1.0, 3, 2, 2, 1, 3])
    quality.update(labels, predicted, weights, 0.1)
    low, middle, high = quality.bands((("low", 0.0), ("middle", 0.1), ("high", 0.5)))
    assert (low.band, low.examples, low.observed) == ("low", 2, 0.0)
    assert low.predicted == pytest.approx(0.0375)
    assert (middle.examples, middle.observed) == (4, 3 / 8)
    assert middle.predicted == pytest.approx((4 * 0.1 + 4 * 0.3) / 8)
    assert (high.examples, high.predicted, high.observed) == (0, None, None)
