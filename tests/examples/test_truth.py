"""What happened, asked for many users at once, against a loop."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from examples.common.evaluate import ScoreRows, evaluate
from examples.common.truth import EventTimes, OutcomeTruth, SilenceTruth

DAY = 86_400_000_000
EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12)), max_size=25)
ASKED = st.lists(st.tuples(st.sampled_from("abcz"), st.integers(-1, 13)), min_size=1, max_size=20)


def index(events: list[tuple[str, int]]) -> EventTimes:
    return EventTimes(
        [u for u, _ in events], np.array([t for _, t in events], dtype=np.int64) * DAY
    )


@given(EVENTS, ASKED, st.integers(0, 5))
def test_silence_and_what_follows_equal_a_loop(
    events: list[tuple[str, int]], asked: list[tuple[str, int]], span: int
) -> None:
    users = np.array([u for u, _ in asked], dtype=object)
    times = np.array([t for _, t in asked], dtype=np.int64) * DAY
    silence = index(events).silence(users, times)
    follows = index(events).any_within(users, times, span * DAY)
    for i, (user, now) in enumerate(asked):
        mine = [t for u, t in events if u == user]
        last = max((t for t in mine if t <= now), default=None)
        assert silence[i] == (math.inf if last is None else now - last)
        assert follows[i] == any(now < t <= now + span for t in mine)


def test_outcomes_count_behind_the_cut_up_to_the_horizon() -> None:
    truth = OutcomeTruth(
        {"late": (11, True), "on": (10, True), "at": (5, True), "left": (8, False)},
        index([]),
        horizon=5,
        known_until=10,
    )
    users = np.array(["late", "on", "at", "left", "nobody"], dtype=object)
    labels, dropped = truth.labels(users, np.full(5, 5))
    assert labels.tolist() == [False, True, False, False, False]
    assert dropped["no outcome known"].tolist() == [False, False, False, False, True]
    assert not dropped["horizon not closed"].any()
    assert truth.labels(users, np.full(5, 6))[1]["horizon not closed"].tolist()[:4] == [True] * 4


def test_rows_without_a_label_are_dropped_by_reason_and_the_rest_is_judged() -> None:
    truth = SilenceTruth(
        index([("a", 1), ("b", 1), ("b", 4)]), horizon=3 * DAY, known_until=5 * DAY
    )
    rows = ScoreRows(
        users=np.array(["a", "b", "a"], dtype=object),
        times=np.array([2, 2, 3]) * DAY,
        probabilities=np.array([0.9, 0.1, 0.5]),
        repeated=1,
    )
    result = evaluate(rows, truth, 3 * DAY, 0.5)
    assert result["scores"] == 3
    assert result["scores_repeated"] == 1
    assert result["dropped"] == {"horizon not closed": 1}
    assert (result["rows"], result["positives"], result["auc"]) == (2, 1, 1.0)
    assert result["base_rate"] == {"auc": 0.5, "log_loss": round(math.log(2), 6)}
    assert result["without_cold_start"]["rows"] == 0
