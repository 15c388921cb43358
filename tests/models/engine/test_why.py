"""Every score says of each source that is not fresh why, as found at the last check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from models.engine.why import NEWLY, Said, Why
from models.spec import HealthSpec
from models.staleness.health import FRESH, LAGGING, STALLED
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.story import EAGER, SPEC, Item, S, at, beat, event, micros, topics

CHECKED = replace(SPEC, health=HealthSpec(20 * S))
"""Checks fall on the cuts."""
AWAY = [*(event("usage", t, "a", t) for t in range(1, 40, 3)), beat("billing", 90)]


def states(worker: Worker) -> list[tuple[str, int, str, dict[str, Any]]]:
    """User, time, source, what its score says of it."""
    return [
        (s["user"], micros(s["time"]) or 0, name, state)
        for s in worker.scores().values()
        for name, state in s["sources"].items()
    ]


@examples(8)
@given(histories())
def test_it_stands_where_a_source_is_not_fresh_and_nowhere_else(items: list[Item]) -> None:
    for *_, state in states(Worker(EAGER, topics(EAGER, items)).run()):
        assert bool(state.get("evidence")) == (state["health"] != "fresh")


@examples(8)
@given(histories())
def test_at_a_cut_it_is_what_the_sources_topic_says(items: list[Item]) -> None:
    worker = Worker(CHECKED, topics(CHECKED, items)).run()
    told = {
        (micros(record["clock"]), record["source"]): record["evidence"]
        for record in worker.sent("sources")
        if record["health"] not in ("fresh", "corrupt")
    }
    found = [(time, name, s["evidence"]) for _, time, name, s in states(worker) if "evidence" in s]
    for time, name, words in found:
        assert told[time, name] == words


def test_it_says_how_long_a_source_has_been_silent() -> None:
    worker = Worker(CHECKED, topics(CHECKED, AWAY)).run()
    said = {time: s.get("evidence") for _, time, name, s in states(worker) if name == "usage"}
    assert said == {
        at(20): None,
        at(40): None,
        at(60): "silent for 23s, and more than 15s counts as too long",
        at(80): "silent for 43s, and more than 15s counts as too long",
    }


@pytest.mark.parametrize(
    ("clock", "code", "words"),
    [
        (10, LAGGING, "late by its usual 2h"),
        (11, LAGGING, NEWLY[LAGGING]),
        (11, STALLED, "silent"),
        (10, STALLED, NEWLY[STALLED]),
        (10, FRESH, None),
    ],
)
def test_it_is_of_the_check_before_and_of_the_health_at_the_score(
    clock: int, code: int, words: str | None
) -> None:
    before, after = Said(LAGGING, "late by its usual 2h"), Said(STALLED, "silent")
    why = Why(np.array([10]), [[before, before], [after, after]])
    codes = np.array([[FRESH, code]], dtype=np.uint8)
    assert why.of(np.array([clock]), codes) == ({} if words is None else {1: {0: words}})
