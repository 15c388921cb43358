"""Values and reasons in words."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from models.aggregates import Aggregate
from models.spec import FeatureSpec
from models.words import UNKNOWN, Wording, duration
from tests.models.engine.story import FEATURES

DAY = 86_400.0


def feature(agg: Aggregate, name: str = "f", **more: Any) -> FeatureSpec:
    return FeatureSpec(name, agg, "usage", **more)


def say(value: float, agg: Aggregate, **more: Any) -> str:
    (text,) = Wording((feature(agg, **more),)).values(0, np.array([[value]]))
    return text


@pytest.mark.parametrize(
    ("value", "agg", "text"),
    [
        (12 * DAY, "last_seen_age", "12 days"),
        (2.46 * DAY, "user_age", "2.5 days"),
        (1.5 * DAY, "gap_max", "36 hours"),
        (300, "first_seen_age", "5 minutes"),
        (3, "count", "3"),
        (1234.56789, "sum", "1235"),
        (0.1249, "share", "12 %"),
        (0.31, "trend", "31 % of the average"),
        (0.31, "baseline_ratio", "31 % of what is usual for this user"),
        (-2.14, "baseline_z", "2.1 standard deviations below what is usual for this user"),
        (0, "baseline_z", "as usual for this user"),
        (6, "gap_ratio", "6 times as long as usual"),
        (1, "last_is", "yes"),
        (6, "day_of_week", "Sunday"),
        (3 * DAY, "due_in", "in 3 days"),
        (-3 * DAY, "last_due_in", "3 days ago"),
        (np.nan, "share", UNKNOWN),
    ],
)
def test_a_value_has_its_unit(value: float, agg: Aggregate, text: str) -> None:
    assert say(value, agg) == text


def test_periods_are_days_weeks_or_their_length() -> None:
    day, week, month = (int(days * DAY * 1e6) for days in (1, 7, 28))
    assert say(1, "active_periods", period=day) == "1 day"
    assert say(5, "streak", period=week) == "5 weeks in a row"
    assert say(0, "longest_streak", period=month) == "0 periods of 28 days in a row"


def test_a_reason_says_what_it_does_and_what_is_usual() -> None:
    where = (("k", ("quiz",)),)
    words = Wording(
        (
            feature("last_seen_age", label="no login for"),
            feature("gap_mean", "usual"),
            feature("gap_ratio", "late_again"),
            feature("last_seen_age", where=where, label="no quiz for"),
        )
    )
    matrix = np.array([[12 * DAY, 2 * DAY, 6.0, DAY], [12 * DAY, np.nan, np.nan, np.nan]])
    reasons = np.array([[0, 2, 3], [0, 3, -1]])
    contributions = np.array([[0.5, 0.2, -0.1], [0.5, -0.1, 0.0]])
    assert words.phrases(reasons, matrix, contributions) == [
        "no login for: 12 days (usually every 2 days), raises the risk",
        "late again: 6 times as long as usual (12 days, usually every 2 days), raises the risk",
        "no quiz for: 24 hours, lowers the risk",
        "no login for: 12 days, raises the risk",
        f"no quiz for: {UNKNOWN}, lowers the risk",
        "",
    ]


def test_every_aggregate_can_be_said_of_any_number() -> None:
    assert {f.agg for f in FEATURES} == set(get_args(Aggregate))
    words = Wording(FEATURES)
    for value in (np.nan, -1e300, -1.5, 0.0, 1e-9, 7.0, 1e18):
        for j in range(len(FEATURES)):
            assert all(words.values(j, np.full((2, len(FEATURES)), value)))


def test_a_second_is_said_too() -> None:
    assert duration(59) == "59 seconds"
