"""What a belief says of values, and where it says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.learning.normal import normal_cdf
from models.staleness.belief import Belief

NAN, INF = math.nan, math.inf


def belief(mean: list[float], variance: list[float], uncertain: list[bool]) -> Belief:
    """About one row."""
    count = len(mean)
    return Belief(
        np.array([uncertain]),
        np.array([mean]),
        np.array([variance]),
        prior_mean=np.full(count, math.e - 1.0),
        prior_variance=np.full(count, 4.0),
        logged=np.arange(count) % 2 == 0,
        absent=np.full((1, count), 0.25),
        prior_absent=np.full(count, 0.5),
    )


def test_a_value_is_unsure_unless_it_is_certain() -> None:
    said = belief([1.0, 1.0, NAN, NAN, 1.0], [1.0, 0.0, 1.0, 0.0, NAN], [True] * 4 + [False])
    assert said.unsure.tolist() == [[True, False, True, False, False]]
    known = said.known(np.full((1, 5), 9.0))
    np.testing.assert_array_equal(known, [[1.0, 1.0, NAN, NAN, 9.0]])


def test_a_feature_without_a_prior_is_never_unsure() -> None:
    for variance in (0.0, NAN):
        said = Belief(
            np.array([[True]]),
            np.array([[3.0]]),
            np.array([[1.0]]),
            np.array([0.0]),
            np.array([variance]),
        )
        assert not said.unsure.any()


def test_on_its_scale_and_no_wider_than_the_prior() -> None:
    mean, variance = [math.e - 1.0, 3.0, 0.0, NAN, 1.0], [0.25, 9.0, 1.0, 1.0, INF]
    soft = belief(mean, variance, [True] * 5).soft(np.array([0, 1, 3, 4]))
    assert soft.mean[:, 0] == pytest.approx([1.0, 3.0, math.e - 1.0, 1.0])
    assert soft.spread[:, 0] == pytest.approx([0.5, 2.0, 2.0, 2.0])
    assert soft.absent[:, 0].tolist() == [0.25, 0.25, 0.5, 0.5]
    assert soft.prior_mean[:, 0] == pytest.approx([1.0, math.e - 1.0, math.e - 1.0, 1.0])


def test_the_normal_distribution_function() -> None:
    z = np.concatenate((np.linspace(-9.0, 9.0, 20_001), [-INF, INF, -1e300, 1e300]))
    expected = [0.5 * math.erfc(-each / math.sqrt(2.0)) for each in z.tolist()]
    np.testing.assert_allclose(normal_cdf(z), expected, rtol=0, atol=1e-10)
