"""A churner counts once, whoever tells of him, and a month has as many as have left in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.watch.cost import cost
from schemas.times import DAY
from streams.study.churners import MONTH, Rhythm, churners
from streams.study.pairs import Pairs
from streams.study.variants import Variant

REACH = 28
LATE = Variant("usage", None, None)
CUTS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 20), st.booleans()),
    min_size=1,
    max_size=20,
    unique_by=lambda one: one[:2],
)


@given(CUTS)
def test_cuts_of_a_user_tell_of_one_departure_until_he_stays_or_is_long_gone(
    cuts: list[tuple[int, int, bool]],
) -> None:
    wanted, number = {}, -1
    for user in range(2):
        last: int | None = None
        for _, time, leaves in sorted(one for one in cuts if one[0] == user):
            if leaves and (last is None or time - last > 4):
                number += 1
            wanted[user, time] = number if leaves else -1
            last = time if leaves else None
    users, times, labels = (np.array(column) for column in zip(*cuts, strict=True))
    found = churners(users.astype(np.uint64), times, labels.astype(float), 4)
    assert found.tolist() == [wanted[user, time] for user, time, _ in cuts]


def leaving(step: int, users: int = 4000, days: int = 90) -> Pairs:
    """Users who leave once in about 200 days, and return; looked at every so many days.

    With nothing late one of three cuts of each would trigger him, else none.
    """
    rng = np.random.default_rng(5)
    ends = rng.uniform(0, 200 * DAY, users)
    user, day = (grid.ravel() for grid in np.indices((users, days)))
    chosen = day % step == user % step
    user, time = user[chosen], (50 + day[chosen]) * DAY
    label = ((ends[user] > time) & (ends[user] <= time + REACH * DAY)).astype(float)
    known = (rng.random(len(time)) < 1 / 3).astype(float)
    rhythm = Rhythm(DAY, step * DAY, REACH * DAY)
    said = {LATE: np.zeros(len(time))}
    return Pairs(rhythm, time, label, np.ones(len(time)), user.astype(np.uint64), known, said)


@pytest.mark.parametrize("step", [1, 7, 28, 45])
def test_a_month_has_the_churners_who_left_in_it_however_often_they_are_looked_at(
    step: int,
) -> None:
    assert leaving(step).monthly == pytest.approx(4000 * MONTH / (200 * DAY), rel=0.1)


def test_a_churner_is_missed_once_however_many_of_his_cuts_would_have_triggered_him() -> None:
    one = leaving(28).costs(0.5)[LATE].missed
    every = leaving(1).costs(0.5)[LATE].missed
    assert one.low < 1 / 3 < one.high
    assert 0.9 < every.middle <= 1.0, "at one of up to 28 cuts he would have been"
    seldom = leaving(1).part(np.arange(4000 * 90) % 2 > 0)
    assert seldom.monthly == pytest.approx(leaving(1).monthly, rel=0.02)


def test_who_is_triggered_at_another_cut_is_not_missed() -> None:
    label, known, late = np.ones(4), np.array([0.9, 0.1, 0.9, 0.1]), np.array([0.1, 0.9, 0.1, 0.1])
    group, churner = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    assert cost(label, np.ones(4), known, late, group, churner, 0.5).missed.middle == 0.5
