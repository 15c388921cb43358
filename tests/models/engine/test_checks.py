"""The checks in the engine: what partitions say about their sources, and parts that are gone."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson
import pytest

from models.spec import HealthSpec, ScheduleSpec, Spec
from models.staleness.corruption import Interval
from schemas.sources import IntervalState
from tests.models.engine.harness import Worker
from tests.models.engine.portrait import portrait
from tests.models.engine.story import SPEC, USAGE, Item, S, at, event, topics

LEARNED = replace(
    SPEC,
    sources=(
        replace(USAGE, stale_given=False, segments=("k", ("quiz", "été"))),
        *SPEC.sources[1:],
    ),
    features=SPEC.features[:2],
    scoring=replace(SPEC.scoring, schedule=ScheduleSpec(400 * S)),
    learning=replace(SPEC.learning, every=400 * S),
    health=HealthSpec(every=10 * S, learn_for=120 * S),
)
"""What is usual for usage is known after two minutes, and settled every four."""


def steady(until: int, kinds: tuple[str, ...]) -> list[Item]:
    return [event("usage", i, "abcde"[i % 5], i, k=kinds[i % len(kinds)]) for i in range(1, until)]


def told(spec: Spec, items: list[Item]) -> dict[str, Any]:
    """What the partition says of usage at the end."""
    worker = Worker(spec, topics(spec, items)).run()
    records = [orjson.loads(output.value) for output in worker.engine.statuses(worker.now)]
    (found,) = (one for one in records if one["source"] == "usage")
    return dict(found)


def test_a_kind_of_event_that_alone_is_gone_is_named() -> None:
    before = steady(901, ("quiz", "été", "other"))
    gone = [event("usage", i, "abcde"[i % 5], i, k="quiz") for i in range(901, 1210)]
    found = told(LEARNED, [*before, *gone])
    assert found["health"] == "fresh"
    assert [(one["of"], one["what"]) for one in found["missing"]] == [("events", "k = été")]
    assert found["evidence"] == "in time; nothing of k = été while the rest flows"
    assert told(LEARNED, before)["missing"] == []


@pytest.mark.parametrize("kinds", [("quiz", "refund"), ("quiz",), ()])
def test_a_kind_that_is_listed_anew_is_not_missed_for_the_one_in_whose_place_it_stands(
    kinds: tuple[str, ...],
) -> None:
    before = steady(901, ("quiz", "été"))
    gone = [event("usage", i, "abcde"[i % 5], i, k="quiz") for i in range(901, 1210)]
    store = Worker(LEARNED, topics(LEARNED, before)).run().store
    usage = replace(LEARNED.sources[0], segments=("k", kinds) if kinds else None)
    other = replace(LEARNED, sources=(usage, *LEARNED.sources[1:]))
    for spec, missing in ((other, []), (LEARNED, ["k = été"])):
        worker = Worker(spec, topics(spec, [*before, *gone]), store=deepcopy(store)).run()
        found = orjson.loads(worker.engine.statuses(worker.now)[0].value)
        assert [one["what"] for one in found["missing"]] == missing


def test_some_of_the_users_that_alone_are_gone_are_counted() -> None:
    before = [event("usage", i, f"u{i % 40}", i, k="quiz") for i in range(1, 801)]
    gone = [event("usage", i, "u1", i, k="quiz") for i in range(801, 1210)]
    found = told(LEARNED, [*before, *gone])
    assert {one["of"] for one in found["missing"]} == {"users"}
    assert "7 of 8 slices of the users" in found["evidence"]


def test_a_source_that_is_complete_by_the_clock_is_in_time_but_said_to_be_empty() -> None:
    worker = Worker(SPEC, topics(SPEC, steady(60, ("quiz",)))).run()
    records = [orjson.loads(output.value) for output in worker.engine.statuses(worker.now)]
    told = {one["source"]: (one["health"], one["evidence"]) for one in records}
    assert told["usage"] == ("fresh", "in time")
    assert told["billing"] == ("unknown", "never seen")
    assert told["outcomes"] == ("fresh", "in time, but no event has come yet")


@pytest.mark.parametrize("state", ["open", "closed", "rejected", "repaired"])
def test_an_interval_that_was_not_accepted_is_told_however_many_newer_ones_were(
    state: IntervalState,
) -> None:
    worker = Worker(SPEC, topics(SPEC, steady(60, ("quiz",)))).run()
    known = worker.engine.state.sources[0].corrupt
    known.add(Interval("old", at(1), at(2), "accepted", "volume", at(3), "gate"))
    known.add(Interval("wrong", at(2), at(5), state, "unit of n", at(6), "gate"))
    for k in range(10, 20):
        known.add(Interval(f"right{k}", at(k), at(k) + S, "accepted", "volume", at(30), "gate"))
    (found, *_) = (orjson.loads(output.value) for output in worker.engine.statuses(worker.now))
    ids = [one["id"] for one in found["intervals"]]
    assert ids == ["wrong", *(f"right{k}" for k in range(11, 20))]


def test_silence_beyond_what_is_usual_is_said_with_its_chance() -> None:
    flowing = steady(901, ("quiz", "été"))
    ending = [event("outcomes", 1001, "a", 1001, kind="churn")]
    found = told(LEARNED, [*flowing, *ending])
    assert found["health"] == "stalled"
    assert found["evidence"].startswith("silent for 1.68min where 1.12s is usual (p < 1e-")
    assert found["silence"]["p"] < 1e-6
    assert found["silence"]["expected"] > found["silence"]["bound"] > 0


def test_what_is_gathered_is_the_same_in_any_pieces() -> None:
    items = [*steady(301, ("quiz", "été", "other")), event("outcomes", 401, "a", 401, kind="churn")]
    whole = Worker(LEARNED, topics(LEARNED, items)).run()
    pieces = Worker(LEARNED, topics(LEARNED, items)).run_in_pieces(random.Random(1), crash=0.1)
    assert portrait(whole) == portrait(pieces)


@pytest.mark.parametrize("lag", [26 * 3600, 40 * 86400])
def test_a_constant_delay_is_late_by_its_usual(lag: int) -> None:
    patient = replace(LEARNED.sources[0], allowed_lateness=10**9 * S, stale_after=7200 * S)
    spec = replace(LEARNED, sources=(patient, *SPEC.sources[1:]))
    items = [event("usage", i, "a", i - lag, k="quiz") for i in range(1, 600)]
    found = told(spec, items)
    assert found["health"] == "lagging"
    assert found["evidence"].startswith("late by its usual ")
    assert found["delays"]["usual_s"] == pytest.approx(lag, rel=0.2)
