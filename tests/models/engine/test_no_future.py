"""No vector knows the future: what lies after T, or lands after T, changes nothing that was said.

The histories are those of the other tests: late, early, tied and repeated records. Every aggregate
is among the features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spec import Spec
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.story import EAGER, SILENT, SPEC, Item, at, event, micros, topics
from tests.models.features.test_vector import NOW, PATIENT, SOURCES, drawn, ingested, item, vectors

SPECS = {"scheduled": SPEC, "eager": EAGER, "silent": SILENT}
Scored = dict[str, dict[str, Any]]


def scored(spec: Spec, items: list[Item]) -> tuple[Scored, Scored]:
    """Scores and examples of a history."""
    worker = Worker(spec, topics(spec, items)).run()
    return worker.scores(), worker.examples()


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(12)
@given(histories(), st.integers(0, 44))
def test_records_that_land_after_a_score_do_not_change_it(
    spec: Spec, items: list[Item], kept: int
) -> None:
    """Scores up to the last record kept are the same without all that came later."""
    whole, examples_ = scored(spec, items)
    first = items[: max(1, kept)]
    until = max(found.stamp for found in first)
    part, fewer = scored(spec, first)
    for identity, score in part.items():
        assert whole[identity] == score
    early = {i for i, score in whole.items() if (micros(score["time"]) or 0) < until}
    assert early <= part.keys()
    for identity, example in fewer.items():
        assert examples_[identity] == example


@examples(25)
@given(
    st.lists(drawn, min_size=1, max_size=50),
    st.lists(st.integers(0, 1200), min_size=3, max_size=3),
    st.integers(0, 2**32),
)
def test_vectors_are_the_same_with_later_events_deleted(
    draws: list[Any], backwards: list[int], seed: int
) -> None:
    """Events after T out of the log: the features as of T, on the grid, have the same bits."""
    items = [item(number, draw) for number, draw in enumerate(draws) if not draw[-1]]
    worker = ingested(PATIENT, items, seed)
    for back in backwards:
        as_of = at(NOW + 10) - back // 100 * 10_000_000
        earlier = [one for one in items if one.time is not None and one.time <= as_of]
        if not earlier or len(earlier) == len(items):
            continue
        again = ingested(PATIENT, earlier, seed + 1)
        for user in {one.user for one in earlier if one.user is not None}:
            times = [[as_of, as_of, as_of]]
            with_later, without = (vectors(w, user, times)[0] for w in (worker, again))
            assert with_later.tobytes() == without.tobytes()


def test_an_event_of_tomorrow_is_not_in_todays_score() -> None:
    """The test above would notice: as of tomorrow the vector is another one."""
    events = [event(s, NOW, "a", t, n=2, k="quiz", b=True) for s in SOURCES for t in (150, 185)]
    today = ingested(PATIENT, events, 1)
    later = [event(s, NOW, "a", 201, n=4, k="x", b=False, id="later") for s in SOURCES]
    tomorrow = ingested(PATIENT, events + later, 1)
    old, same, other = (
        vectors(worker, "a", [[at(end)] * 3])[0]
        for worker, end in [(today, 200), (tomorrow, 200), (tomorrow, 210)]
    )
    assert old.tobytes() == same.tobytes()
    changed = np.flatnonzero(~((old == other) | (np.isnan(old) & np.isnan(other)))[0])
    assert len(changed) > len(PATIENT.features) / 2
