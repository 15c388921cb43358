"""Costs of lateness against figures counted one by one; intervals that cover what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.watch.cost import auc, cost, losses
from models.watch.jackknife import GROUPS, interval, mean_interval

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9), st.integers(0, 5)),
    min_size=2,
    max_size=40,
)


@given(ROWS)
def test_costs_are_what_counting_says(rows: list[tuple[bool, int, int, int]]) -> None:
    assume(any(churned for churned, *_ in rows))
    label = np.array([float(churned) for churned, *_ in rows])
    known = np.array([(k + 0.5) / 10 for _, k, _, _ in rows])
    late = np.array([(s + 0.5) / 10 for _, _, s, _ in rows])
    group = np.array([g for *_, g in rows])
    churner = np.where(label == 1, group // 2, -1)
    found = cost(label, np.ones(len(rows)), known, late, group, churner, 0.5)
    leaving = set(churner.tolist()) - {-1}
    before, after = (
        sum(any(said[churner == one] >= 0.5) for one in leaving) for said in (known, late)
    )
    assert found.missed.middle == pytest.approx((before - after) / len(leaving))
    worse = [
        (np.log(k) - np.log(s)) if y else (np.log(1 - k) - np.log(1 - s))
        for y, k, s in zip(label, known, late, strict=True)
    ]
    assert found.log_loss.middle == pytest.approx(np.mean(worse), abs=1e-12)
    assert found.log_loss.low <= found.log_loss.middle <= found.log_loss.high
    assert found.more == pytest.approx(np.mean(late >= 0.5) - np.mean(known >= 0.5))
    assert found.money(100.0, 30.0).middle == pytest.approx(3000 * (before - after) / len(leaving))


@given(ROWS, st.data())
def test_a_row_stands_for_as_many_as_it_weighs(
    rows: list[tuple[bool, int, int, int]], data: st.DataObject
) -> None:
    assume(any(churned for churned, *_ in rows))
    times = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(rows), max_size=len(rows))))
    label = np.array([float(churned) for churned, *_ in rows])
    known, late = (np.array([(row[i] + 0.5) / 10 for row in rows]) for i in (1, 2))
    group = np.array([g for *_, g in rows])
    churner = np.where(label == 1, group, -1)
    columns = [label, known, late, group, churner]
    label, known, late, group, churner = (np.repeat(column, times) for column in columns)
    wanted = cost(label, np.ones(len(label)), known, late, group, churner, 0.5)
    label, known, late, group, churner = columns
    found = cost(label, times.astype(float), known, late, group, churner, 0.5)
    assert tuple(found.log_loss) == pytest.approx(tuple(wanted.log_loss))
    assert tuple(found.auc) == pytest.approx(tuple(wanted.auc), nan_ok=True)
    assert tuple(found.missed) == tuple(wanted.missed), "a churner counts once"
    assert found.more == pytest.approx(wanted.more, abs=1e-12)


@given(ROWS)
def test_auc_is_the_share_of_pairs_in_the_right_order(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    label = np.array([float(churned) for churned, *_ in rows])
    said = np.array([k / 10 for _, k, _, _ in rows])
    pairs = [(p > n) + (p == n) / 2 for p in said[label == 1] for n in said[label == 0]]
    assert auc(label, said) == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


def test_nothing_late_costs_nothing() -> None:
    rng = np.random.default_rng(1)
    said, label = rng.uniform(size=300), rng.integers(0, 2, 300).astype(float)
    churner = np.where(label == 1, np.arange(300), -1)
    found = cost(label, np.ones(300), said, said, np.arange(300) % GROUPS, churner, 0.5)
    assert tuple(found.log_loss) == tuple(found.auc) == tuple(found.missed) == (0.0, 0.0, 0.0)
    assert not found.proven


def test_certain_and_wrong_stays_finite() -> None:
    assert np.isfinite(losses(np.array([1.0, 0.0]), np.array([0.0, 1.0]))).all()


def test_intervals_count_users_not_rows() -> None:
    """Twenty rows of a user that are all the same say no more than one."""
    rng = np.random.default_rng(2)
    of_user = rng.normal(size=600)
    user = np.repeat(np.arange(600), 20)
    values, group = of_user[user], user % GROUPS
    found = mean_interval(values, group)
    assert found.high - found.middle == pytest.approx(2.0 / np.sqrt(600), rel=0.35)
    again = interval(lambda keep: float(values[keep].mean()), group)
    assert tuple(again) == pytest.approx(tuple(found))


def test_ninety_five_of_a_hundred_intervals_cover() -> None:
    rng = np.random.default_rng(3)
    group = np.arange(900) % GROUPS
    found = [mean_interval(rng.exponential(size=900), group) for _ in range(400)]
    covered = np.mean([one.low <= 1.0 <= one.high for one in found])
    assert 0.91 <= covered <= 0.98
