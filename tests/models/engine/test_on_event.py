"""Scores on events: each user at most once in the interval, in any batch."""

from __future__ import annotations

import random
from dataclasses import replace

from models.spec import OnEventSpec, PopulationSpec, Spec
from tests.models.engine.harness import Worker
from tests.models.engine.story import (
    EVENTS_ONLY,
    START,
    Item,
    S,
    beat,
    event,
    micros,
    topics,
)

SPEC = replace(EVENTS_ONLY, population=PopulationSpec())
"""Every 7 s at most, on usage and billing."""


def run(items: list[Item], spec: Spec = SPEC) -> Worker:
    """As one batch; record by record and in any pieces must be the same."""
    whole = Worker(spec, topics(spec, items)).run()
    pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(1))
    assert pieces.scores() == whole.scores()
    return whole


def told(worker: Worker) -> list[tuple[str, float, str]]:
    """User, seconds, cause of the scores, in order of time."""
    found = []
    for score in worker.sent("scores"):
        time = micros(score["time"])
        assert time is not None
        found.append((score["user"], (time - START) / S, score["cause"]))
    return sorted(found, key=lambda one: one[1])


def times(worker: Worker, user: str) -> list[float]:
    return [time for name, time, _ in told(worker) if name == user]


def test_many_events_of_a_user_in_one_batch_are_scored_at_the_interval() -> None:
    worker = run([event("usage", t, "a", t) for t in range(1, 25)])
    assert times(worker, "a") == [1, 8, 15, 22]


def test_the_interval_is_open_at_its_end() -> None:
    worker = run([event("usage", t, "a", t) for t in (1, 7.999, 8)])
    assert times(worker, "a") == [1, 8]


def test_each_user_has_an_interval_of_its_own() -> None:
    worker = run([event("usage", t, "ab"[t % 2], t) for t in range(1, 12)])
    assert times(worker, "a") == [2, 10]
    assert times(worker, "b") == [1, 9]


def test_the_cause_is_the_record() -> None:
    items = [event("billing", 1, "a", 1), event("usage", 1, "a", 1), event("usage", 8, "a", 8)]
    assert told(run(items)) == [
        ("a", 1, "event:t.usage-0-0"),
        ("a", 8, "event:t.usage-0-1"),
    ]


def test_a_score_sees_the_events_up_to_its_own_and_none_after() -> None:
    items = [event("usage", t, "a", t, n=1) for t in (1, 2, 8, 9, 9.5)]
    items.append(event("billing", 8, "a", 8, n=5))  # behind usage at 8
    spec = replace(SPEC, scoring=replace(SPEC.scoring, reasons=99))
    first, second = (
        {reason["feature"]: reason["value"] for reason in score["reasons"]}
        for score in run(items, spec).sent("scores")
    )
    assert (first["count"], second["count"]) == (1, 3)
    assert second["amount"] is None


def test_scores_below_the_band_that_asks_give_no_reasons() -> None:
    items = [event("usage", t, "a", t, n=1) for t in range(1, 40)]
    every = run(items).sent("scores")
    bound = sorted(score["probability"] for score in every)[len(every) // 2]
    spec = replace(SPEC, scoring=replace(SPEC.scoring, reasons_from=bound))
    some = run(items, spec).sent("scores")
    asked = {score["id"]: score["probability"] >= bound for score in some}
    assert {True, False} == set(asked.values())
    given = {score["id"]: score["reasons"] for score in every}
    for score in some:
        assert score["reasons"] == (given[score["id"]] if asked[score["id"]] else [])
        assert all("the risk" in reason["text"] for reason in score["reasons"])


def test_events_of_other_sources_are_no_reason_to_score() -> None:
    spec = replace(SPEC, scoring=replace(SPEC.scoring, on_event=OnEventSpec(0, ("billing",))))
    worker = run([event("usage", 1, "a", 1), event("billing", 2, "a", 2)], spec)
    assert [cause for _, _, cause in told(worker)] == ["event:t.billing-0-0"]


def test_without_an_interval_every_event_is_scored() -> None:
    spec = replace(SPEC, scoring=replace(SPEC.scoring, on_event=OnEventSpec(0, ("usage",))))
    worker = run([event("usage", 1 + t // 3, "a", 1, id=str(t)) for t in range(9)], spec)
    assert len(times(worker, "a")) == 9


def test_late_and_repeated_events_are_no_reason_to_score() -> None:
    spec = replace(SPEC, scoring=replace(SPEC.scoring, on_event=OnEventSpec(0, ("usage",))))
    items = [
        event("usage", 50, "a", 50, id="1"),
        event("usage", 51, "a", 50, id="1"),
        event("usage", 52, "a", 10, id="2"),
    ]
    assert times(run(items, spec), "a") == [50]


def test_only_users_at_risk_are_scored() -> None:
    items = [
        event("billing", 1, "a", 1),  # does not let users enter
        event("usage", 2, "a", 2),
        event("outcomes", 10, "a", 10, kind="churn"),
        event("usage", 11, "a", 11),
        event("usage", 30, "a", 30),
        event("outcomes", 40, "a", 40, kind="return"),
        event("usage", 41, "a", 41),
        event("outcomes", 50, "a", 55, kind="leave"),
        event("usage", 52, "a", 52),
        event("usage", 60, "a", 60),
    ]
    spec = replace(SPEC, population=PopulationSpec(enter="usage"))
    assert times(run(items, spec), "a") == [2, 41, 52]


def test_an_entry_ahead_of_the_clock_waits_for_it() -> None:
    items = [event("usage", t, "a", t + 9) for t in (1, 5, 10, 12)]
    assert times(run(items), "a") == [10]


def test_a_user_in_silence_is_scored_with_the_event_that_ends_it() -> None:
    spec = replace(SPEC, population=PopulationSpec(inactivity=20 * S))
    items = [event("usage", 1, "a", 1), event("usage", 90, "a", 60), event("usage", 91, "a", 90)]
    assert times(run(items, spec), "a") == [1, 91]


def test_a_schedule_score_starts_the_interval_anew() -> None:
    schedule = replace(SPEC.scoring, schedule=replace(EVENTS_ONLY.cuts, every=20 * S))
    spec = replace(SPEC, scoring=schedule)
    items = [event("usage", t, "a", t) for t in (1, 15, 21, 26.9, 27, 33)]
    assert times(run(items, spec), "a") == [1, 15, 20, 27]


def test_the_model_is_the_one_in_force_at_the_scores_time() -> None:
    rng = random.Random(2)
    items = [event("usage", t, rng.choice("abc"), t) for t in range(1, 100)]
    edges = [event("usage", t, "d", t) for t in (34.999, 35, 64.999, 65, 65.001)]
    spec = replace(SPEC, scoring=replace(SPEC.scoring, on_event=OnEventSpec(0, ("usage",))))
    worker = run(sorted(items + edges, key=lambda item: item.stamp), spec)
    for score in worker.sent("scores"):
        time = micros(score["time"])
        assert time is not None
        assert score["model"]["version"] == worker.models.in_force(time).version
        assert score["model"]["valid_from"] is None or micros(score["model"]["valid_from"]) <= time
    assert {s["model"]["version"] for s in worker.sent("scores")} == {0, 1, 2, 3, 4}


def test_the_shell_is_told_which_epoch_the_model_must_have_learned() -> None:
    """The newest one in force that this partition has closed, so that waiting can end."""
    items = [event("usage", t, "a", t) for t in range(3, 120, 4)]
    worker = run([*items, beat("billing", 130)])
    assert worker.models.asked
    for time, epoch in worker.models.asked:
        closed = [at for at in range(30, 130, 30) if START + (at + 5) * S <= time]
        assert epoch == (START + closed[-1] * S if closed else None)
