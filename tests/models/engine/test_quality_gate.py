"""A fault in the data, through the whole engine: health, as-of, and back, whatever the pieces."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from models.spec import FeatureSpec, HealthSpec, LearningSpec, QualitySpec, ScheduleSpec, Spec
from schemas.times import DAY, HOUR
from tests.models.engine.harness import Worker
from tests.models.engine.portrait import portrait
from tests.models.engine.story import BILLING, OUTCOMES, SPEC, START, USAGE, Item, S, event, micros
from tests.models.engine.story import topics as held

DAYS, BEGIN, END = 15, 11.3, 12.4
SLOT = 6 * HOUR
GATED = replace(
    SPEC,
    grid=HOUR,
    sources=(
        replace(USAGE, allowed_lateness=DAY, stale_after=DAY, quality=QualitySpec(min_samples=50)),
        BILLING,
        OUTCOMES,
    ),
    features=(
        FeatureSpec("spent", "sum", "usage", "n", window=DAY),
        FeatureSpec("last", "last", "usage", "n"),
    ),
    labels=replace(SPEC.labels, horizon=2 * DAY),
    scoring=replace(SPEC.scoring, schedule=ScheduleSpec(DAY)),
    learning=LearningSpec(DAY, HOUR, 2 * DAY, DAY),
    health=HealthSpec(every=SLOT),
)


@cache
def history() -> tuple[Item, ...]:
    """Events of thirty users, twelve an hour; those in the fault are in cents."""
    chance = np.random.default_rng(1)
    times = np.sort(chance.random(DAYS * 24 * 12) * DAYS * DAY / S).tolist()
    items = []
    for number, time in enumerate(times):
        user = f"u{chance.integers(30)}"
        amount = round(float(np.exp(chance.normal(3, 0.7))), 2)
        wrong = BEGIN * DAY <= time * S <= END * DAY
        data = {"n": 100 * amount if wrong else amount}
        items.append(event("usage", time, user, time, id=str(number), **data))
    return tuple(items)


def worker_of(spec: Spec) -> Worker:
    return Worker(spec, held(spec, history()), now=START + 2 * DAYS * DAY)


@cache
def whole() -> Worker:
    return worker_of(GATED).run()


def of_usage(worker: Worker) -> dict[float, dict[str, Any]]:
    """What is said of usage on the scores of each day."""
    return {
        ((micros(score["time"]) or 0) - START) / DAY: score["sources"]["usage"]
        for score in worker.sent("scores")
    }


def test_scores_say_corrupt_and_stop_at_the_last_good_moment() -> None:
    said = of_usage(whole())
    begin = START + 11 * DAY
    assert said[11]["health"] != "corrupt"
    assert said[12]["health"] == "corrupt"
    assert begin - SLOT <= (micros(said[12]["as_of"]) or 0) <= START + BEGIN * DAY
    assert said[14]["health"] != "corrupt"
    assert (micros(said[14]["as_of"]) or 0) == START + 14 * DAY


def test_the_interval_stands_in_the_record_and_on_the_sources_topic() -> None:
    (known,) = whole().engine.state.sources[0].corrupt.known
    assert known.state == "closed"
    assert known.reason.startswith("unit of n: ")
    assert "100 times" in known.reason
    told = [record for record in whole().sent("sources") if record["source"] == "usage"]
    assert any(record["corrupt_since"] is not None for record in told)
    assert told[-1]["corrupt_since"] is None
    assert [one["id"] for one in told[-1]["intervals"]] == [known.id]


@pytest.mark.slow
def test_pieces_and_crashes_change_nothing() -> None:
    pieces = worker_of(GATED).run_in_pieces(random.Random(1), crash=0.05)
    for topic in ("scores", "deadletter", "examples"):
        assert whole().unique(topic) == pieces.unique(topic)
    assert portrait(whole()) == portrait(pieces)


def test_without_the_gate_the_wrong_values_are_used() -> None:
    usage = replace(GATED.sources[0], quality=QualitySpec(tests=()))
    spec: Spec = replace(GATED, sources=(usage, *GATED.sources[1:]))
    said = of_usage(worker_of(spec).run())
    assert {one["health"] for one in said.values()} <= {"fresh", "unknown", "lagging"}
