"""Beliefs: the regression against its closed form, what it learns, what it says of the unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.staleness.ages import BEYOND, bucket_of, rounded_up, rungs
from models.staleness.nowcast import LEAST_PAIRS, Beliefs, Nowcast, Regression, inputs_of
from models.staleness.pattern import Stale, path
from tests.models.engine.story import SPEC, S
from tests.properties import examples

LOGGED = np.array([True, True, False])
KEY = ("usage", 100)


def pairs(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feature 0 halves while away, 1 belongs to another source, 2 is sometimes not there."""
    now = np.column_stack((rng.poisson(20, n) * 1.0, rng.poisson(5, n) * 1.0, rng.random(n)))
    before = now.copy()
    before[:, 0] = now[:, 0] * 2 + rng.normal(0, 3.0, n)
    now[rng.random(n) < 0.2, 2] = np.nan
    before[:, 2] = now[:, 2]
    return before, now, rng.uniform(50, 100, n)


def learned(seed: int = 3, n: int = 400) -> tuple[Nowcast, Beliefs]:
    nowcast, rng = Nowcast(LOGGED), np.random.default_rng(seed)
    before, now, stale = pairs(rng, n)
    nowcast.see(now, np.ones(now.shape, dtype=bool))
    nowcast.learn(KEY, (0, 2), before, now, stale)
    beliefs = nowcast.freeze()
    assert beliefs is not None
    return nowcast, beliefs


@examples(25)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_the_regression_is_ridge_in_closed_form(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    regression, everything = Regression(4, (0, 1), 1.0), []
    for size in sizes:
        inputs, before, after = (rng.normal(size=(size, d)) for d in (4, 2, 2))
        regression.learn(inputs, before, after)
        everything.append((inputs, after - before))
    x, y = (np.concatenate([part[i] for part in everything]) for i in (0, 1))
    slope = np.linalg.solve(10 * np.eye(4) + x.T @ x, x.T @ y)
    line = regression.line()
    asked = rng.normal(size=(5, 4))
    mean, variance = line.predict(asked)
    assert line.slope == pytest.approx(slope)
    assert mean == pytest.approx(asked @ slope)
    wider = 1 + np.einsum("ni,ij,nj->n", asked, np.linalg.inv(10 * np.eye(4) + x.T @ x), asked)
    assert variance == pytest.approx(wider[:, None] * line.variance)


def test_predictions_do_not_depend_on_the_batch() -> None:
    _, beliefs = learned()
    line, rng = beliefs.lines[KEY], np.random.default_rng(9)
    inputs = inputs_of(rng.normal(size=(50, 3)), rng.random(50))
    whole = line.predict(inputs)
    for i in range(50):
        mean, variance = line.predict(inputs[i : i + 1])
        assert (mean[0] == whole[0][i]).all()
        assert (variance[0] == whole[1][i]).all()


@examples(25)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_what_anyone_is_like_is_told_by_what_was_known_up_to_the_cut(
    seed: int, sizes: list[int]
) -> None:
    """Feature 0 of a source that is never known so far, 1 and 2 of one that sometimes is."""
    rng, nowcast = np.random.default_rng(seed), Nowcast(LOGGED)
    seen, reached = [], []
    for n in [*sizes, 80]:
        _, now, _ = pairs(rng, n)
        known = np.repeat(rng.random((n, 1)) < 0.7, 3, axis=1)
        known[:, 0] = False
        nowcast.see(now, known)
        seen.append(now)
        reached.append(known)
    found = nowcast.freeze()
    assert found is not None
    assert (found.mean[0], found.variance[0], found.absent[0]) == (0.0, 1.0, 0.0)
    values, told = found.scale.apply(np.concatenate(seen)), np.concatenate(reached)
    for j in (1, 2):
        own = values[told[:, j], j]
        assert found.mean[j] == pytest.approx(np.nanmean(own))
        assert found.variance[j] == pytest.approx(np.nanvar(own))
        assert found.absent[j] == pytest.approx(np.isnan(own).mean())
    assert found.scale.spread[0] != 1.0, "the scale is that of what is known of it"


def test_it_learns_what_happens_while_a_source_is_away() -> None:
    _, beliefs = learned()
    before, now, stale = pairs(np.random.default_rng(99), 500)
    belief = beliefs.nothing(before)
    beliefs.fill(belief, before, np.ones(500, dtype=bool), beliefs.lines[KEY], stale)
    assert not belief.uncertain[:, 1].any()
    assert belief.uncertain[:, [0, 2]].all()
    assert np.abs(belief.mean[:, 0] - now[:, 0]).mean() < 0.15 * now[:, 0].mean()
    off = (np.log1p(now[:, 0]) - np.log1p(belief.mean[:, 0])) ** 2 / belief.variance[:, 0]
    assert 0.5 < off.mean() < 1.5, "the variance says how far off it is"


def test_what_had_no_value_probably_has_none_now() -> None:
    _, beliefs = learned()
    matrix = np.array([[40.0, 5.0, np.nan], [40.0, 5.0, 0.5]])
    belief = beliefs.nothing(matrix)
    rows = np.ones(2, dtype=bool)
    beliefs.fill(belief, matrix, rows, beliefs.lines[KEY], np.full(2, 80.0))
    assert belief.absent is not None
    assert belief.absent[0, 2] > 0.95
    assert belief.absent[1, 2] < 0.05
    assert belief.prior_absent == pytest.approx([0, 0, 0.2], abs=0.06)


def test_the_prior_is_what_is_usual() -> None:
    _, beliefs = learned()
    belief = beliefs.nothing(np.zeros((1, 3)))
    assert belief.prior_mean == pytest.approx([20, 5, 0.5], rel=0.15)
    logs = np.log1p(np.random.default_rng(1).poisson(20, 10_000))
    assert belief.prior_variance[0] == pytest.approx(logs.var(), rel=0.25)


def test_few_pairs_are_not_believed_and_the_oldest_bucket_stands_in_for_what_is_older() -> None:
    nowcast, _ = learned(n=LEAST_PAIRS - 1)
    beliefs = nowcast.freeze()
    assert beliefs is not None
    assert beliefs.line_for("usage", 100) is None
    _, beliefs = learned()
    assert beliefs.line_for("usage", BEYOND) is beliefs.lines[KEY]
    assert beliefs.line_for("usage", 50) is None
    assert beliefs.line_for("billing", BEYOND) is None


@given(st.integers(1, 10**9), st.integers(1, 10**5))
def test_a_lag_is_rounded_up_by_a_quarter_at_most(lag: int, grid: int) -> None:
    found = rounded_up(lag, grid)
    assert found % grid == 0
    assert lag <= found <= max(1.25 * lag + grid, lag + grid)


def test_buckets() -> None:
    assert rungs(7 * 24, 24) == (24, 48, 96, 168)
    assert rungs(10, 10) == (10,)
    ages = bucket_of(SPEC, np.array([1, 10 * S, 11 * S, 40 * S, 41 * S]))
    assert (ages // S).tolist() == [10, 10, 20, 40, BEYOND]


def test_a_path_goes_from_the_general_to_the_particular() -> None:
    keys = path([Stale("a", "stalled", 10 * S), Stale("b", "unknown", BEYOND)])
    assert keys == ("any", "a + b", "a 10s + b beyond", "a 10s stalled + b beyond unknown")
