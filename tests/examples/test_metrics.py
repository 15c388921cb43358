"""The examples' metrics against the plainest computation there is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.common import metrics

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=25)


def columns(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [np.array(column) for column in zip(*rows, strict=True)]


@given(LABELLED)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, int]]) -> None:
    y, s = columns(rows)
    pairs = [(float(a > b) + 0.5 * float(a == b)) for a in s[y] for b in s[~y]]
    wanted = sum(pairs) / len(pairs) if pairs else None
    assert metrics.auc(y, s.astype(float)) == (None if wanted is None else pytest.approx(wanted))


def test_auc_takes_infinite_silence() -> None:
    y, silence = np.array([True, False, True]), np.array([math.inf, 1.0, math.inf])
    assert metrics.auc(y, silence) == 1.0


def test_log_loss_of_certainty_is_finite() -> None:
    y = np.array([True, False])
    assert metrics.log_loss(y, np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert 30 < (metrics.log_loss(y, np.array([0.0, 0.0])) or 0) * 2 < 40
    assert metrics.log_loss(y[:0], np.array([])) is None


TIMED = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from([0.0, 1.0, 6.9, 7.0, math.inf])),
    min_size=1,
    max_size=25,
)


@given(TIMED, st.integers(1, 4))
def test_rules_know_only_what_had_matured(
    rows: list[tuple[int, bool, float]], horizon: int
) -> None:
    times, labels, silence = columns(rows)
    base = metrics.base_rate(times, labels, horizon, 0.2)
    recency = metrics.recency_rule(times, labels, silence, horizon, base)

    def bin_of(days: float) -> int:
        return sum(days >= edge for edge in metrics.RECENCY_DAYS) + (days == math.inf)

    for i, (now, _, days) in enumerate(rows):
        known = [(y, bin_of(d)) for t, y, d in rows if t + horizon <= now]
        wanted = (sum(y for y, _ in known) + 20) / (len(known) + 100)
        assert base[i] == pytest.approx(wanted)
        alike = [y for y, b in known if b == bin_of(days)]
        assert recency[i] == pytest.approx((sum(alike) + 20 * wanted) / (len(alike) + 20))
