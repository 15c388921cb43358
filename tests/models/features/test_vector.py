"""Features as of any times against their definition, on shuffled, late, tied, repeated events."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.plan import make_plan
from models.features.vector import features
from models.grid import NEVER
from models.spec import Spec
from tests.models.engine import oracle
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples
from tests.models.engine.story import GRID, SPEC, START, Item, S, at, event, topics
from tests.models.engine.wanted import features as by_definition

NOW = 200
"""Every record arrives at this second, so no cut and no epoch comes in between."""

PATIENT = replace(
    SPEC,
    sources=tuple(replace(s, allowed_lateness=10**6 * S) for s in SPEC.sources),
)
PANES = make_plan(PATIENT).panes
SOURCES = ("usage", "billing")

drawn = st.tuples(
    st.sampled_from(SOURCES),
    st.sampled_from("ab"),
    # tenths of seconds before the newest possible event; a grid point every hundred
    st.one_of(st.integers(0, 3500), st.integers(0, 35).map(lambda pane: pane * 100)),
    st.one_of(st.none(), st.integers(-5, 5)),
    st.sampled_from(["quiz", "été", "other", None]),
    st.sampled_from([True, False, None]),
    st.booleans(),
)


def item(number: int, draw: Any) -> Item:
    source, user, before, n, k, b, again = draw
    time = NOW + 10 - before / 10
    number = number - 1 if again else number  # the id of the event before: a repeat, or not
    return event(source, NOW, user, time, n=n, k=k, b=b, id=f"{number}-{user}")


def ingested(spec: Spec, items: list[Item], seed: int) -> Worker:
    """A worker that has applied the items, in batches of any size."""
    worker, rng = Worker(spec, topics(spec, items)), random.Random(seed)
    while any(worker.blocks()):
        worker.push(rng.randrange(3), rng.randint(1, 20))
        worker.work(rng.randint(1, 20))
    worker.work()
    return worker


def vectors(worker: Worker, user: str, times: list[list[int]]) -> tuple[Any, Any]:
    """Features of a user as of many times at once."""
    slab = worker.engine.slab
    rows = np.repeat(slab.row_of([user]), len(times))
    return features(slab, rows, np.full(len(times), at(NOW)), np.array(times, dtype=np.int64))


def answerable(user: oracle.User, s: int, as_of: int) -> bool:
    """Whether the ring still has the longest window before ``as_of``."""
    newest = max((e.time for e in user.events[s]), default=START)
    return as_of // GRID - 6 > (newest - 1) // GRID - PANES


def equal(found: list[float], wanted: list[float]) -> bool:
    pairs = zip(found, wanted, strict=True)
    return all(
        (math.isnan(f) and math.isnan(w)) or math.isclose(f, w, rel_tol=1e-9, abs_tol=1e-9)
        for f, w in pairs
    )


@examples(30)
@given(
    st.lists(drawn, min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 200)), min_size=4, max_size=4),
    st.integers(0, 2**32),
)
def test_features_are_their_definition_as_of_any_time(
    draws: list[Any], backwards: list[tuple[int, int]], seed: int
) -> None:
    items = [item(number, draw) for number, draw in enumerate(draws)]
    worker = ingested(PATIENT, items, seed)
    truth = oracle.Oracle(PATIENT).run(items)
    newest = at(NOW + 10)
    for name, user in truth.users.items():
        times = [
            [newest - a * S // 10, newest - b * S, at(NOW)]
            for a, b in [*backwards, (0, 0), (100, 10)]
        ]
        matrix, effective = vectors(worker, name, times)
        for i, as_of in enumerate(times):
            if not all(answerable(user, s, as_of[s]) for s in (0, 1)):
                continue
            wanted, reached = by_definition(PATIENT, user, at(NOW), as_of)
            assert effective[i].tolist() == reached
            assert equal(matrix[i].tolist(), wanted), (matrix[i].tolist(), wanted)


def worker_of(*items: Item) -> Worker:
    return Worker(PATIENT, topics(PATIENT, list(items))).run()


def one(worker: Worker, name: str, usage: float, billing: float | None = None) -> float:
    """A feature of user a with usage (and billing) as of these seconds."""
    times = [at(usage), NEVER if billing is None else at(billing), NEVER]
    vector, _ = worker.vector("a", at(NOW), times)
    return vector[[f.name for f in PATIENT.features].index(name)]


def test_a_window_is_open_on_the_left_and_closed_on_the_right() -> None:
    edges = [event("usage", NOW, "a", t, n=1) for t in (170, 170.000001, 200, 200.000001)]
    worker = worker_of(*edges)
    assert one(worker, "count", 200) == 2  # (170, 200]
    assert one(worker_of(*edges[:3]), "count", 200) == 2
    assert one(worker, "count", 210) == 2  # (180, 210]


def test_the_head_is_exact_while_nothing_later_was_applied() -> None:
    worker = worker_of(*(event("usage", NOW, "a", t) for t in (160, 169, 194.5, 195)))
    assert one(worker, "count", 195) == 3  # from the grid: (160, 195]
    _, effective = worker.vector("a", at(NOW), [at(195), NEVER, NEVER])
    assert effective == [at(195), NEVER, NEVER]


def test_the_head_is_floored_once_a_later_event_was_applied() -> None:
    worker = worker_of(*(event("usage", NOW, "a", t) for t in (169, 171, 189, 194.5, 195)))
    assert one(worker, "count", 194.9) == 3  # (160, 190]
    assert one(worker, "last_seen", 194.9) == 1
    _, effective = worker.vector("a", at(NOW), [at(194.9), NEVER, NEVER])
    assert effective == [at(190), NEVER, NEVER]


def test_another_users_events_do_not_floor_the_head() -> None:
    worker = worker_of(event("usage", NOW, "a", 191), event("usage", NOW, "b", 199))
    assert one(worker, "count", 195) == 1


def test_a_source_of_which_nothing_is_known_has_no_features() -> None:
    worker = worker_of(event("usage", NOW, "a", 191, n=3), event("billing", NOW, "a", 191, n=3))
    vector, effective = worker.vector("a", at(NOW), [NEVER] * 3)
    known = {f.name for f, v in zip(PATIENT.features, vector, strict=True) if not math.isnan(v)}
    assert known == {"age", "cycle", "weekday", "monthday", "season", "winter"}
    assert effective == [NEVER] * 3
    assert one(worker, "amount", 195, 195) == 3


def test_silence_is_zero_events_and_no_mean() -> None:
    worker = worker_of(event("usage", NOW, "a", 60, n=3), event("billing", NOW, "b", 191))
    assert [one(worker, name, 195) for name in ("count", "sum", "kinds")] == [0, 0, 0]
    for name in ("mean", "min", "max", "std", "ratio", "trend"):
        assert math.isnan(one(worker, name, 195))
    assert one(worker, "last", 195) == 3
    assert one(worker, "last_seen", 195) == 135


def test_a_missing_optional_field_is_left_out_by_its_aggregates_only() -> None:
    worker = worker_of(event("usage", NOW, "a", 190, n=4), event("usage", NOW, "a", 191, n=None))
    assert [one(worker, name, 195) for name in ("count", "sum", "mean", "last")] == [2, 4, 4, 4]
    assert one(worker, "last_seen", 195) == 4


def test_where_takes_equality_and_membership_of_texts_numbers_and_flags() -> None:
    usage = [
        event("usage", NOW, "a", 190 + i, n=1, k=k) for i, k in enumerate(["quiz", "été", "x"])
    ]
    billing = [
        event("billing", NOW, "a", 190, n=n, b=b)
        for n, b in [(1, True), (2, True), (2, False), (3, True), (None, True), (1, None)]
    ]
    worker = worker_of(*usage, *billing)
    assert one(worker, "quizzes", 195, 195) == 2
    assert one(worker, "paid", 195, 195) == 2


def test_among_equal_times_the_last_is_the_one_applied_last() -> None:
    events = [event("usage", NOW, "a", 190, n=n, id=str(n)) for n in (3, 1, 2)]
    for batch in (1, 2, 3):
        worker = Worker(PATIENT, topics(PATIENT, events))
        while worker.push(0, batch):
            worker.work()
        assert one(worker, "last", 195) == 2


def test_a_ratio_compares_totals_and_a_trend_compares_rates() -> None:
    early, late = [150.5] * 4, [191.5] * 2
    events = [event("usage", NOW, "a", t, n=3, id=str(i)) for i, t in enumerate(early + late)]
    worker = worker_of(*events)
    assert one(worker, "ratio", 200) == pytest.approx(6 / 18)
    assert one(worker, "trend", 200) == pytest.approx((2 / 20) / (6 / 60))


def test_entry_is_the_first_event_by_event_time() -> None:
    worker = worker_of(event("usage", NOW, "a", 150), event("billing", NOW, "a", 110))
    assert one(worker, "age", 195) == 90


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 5000])
def test_a_users_vector_has_the_same_bits_in_any_company(rows: int) -> None:
    rng = random.Random(1)
    draws = [
        event("usage", NOW, "a", NOW - rng.random() * 60, n=rng.random() * 1e3) for _ in range(50)
    ]
    worker = worker_of(*draws)
    alone, _ = vectors(worker, "a", [[at(NOW), NEVER, NEVER]])
    many, _ = vectors(worker, "a", [[at(NOW), NEVER, NEVER]] * rows)
    assert all(row.tobytes() == alone[0].tobytes() for row in many)
