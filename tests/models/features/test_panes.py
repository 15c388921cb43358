"""The ring of panes: the laws of its aggregates, and batches that make no difference."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.panes import PaneRing
from models.features.plan import INITIAL, SourcePlan
from models.grid import NEVER
from tests.models.engine.histories import examples
from tests.models.features.dense import EMPTY, DenseRing

GRID, PANES, USERS = 10, 4, 3
WHERE = (("k", ("x",)),)
EVENT, NUMBER, CHOSEN = 0, 1, 2


def plan() -> SourcePlan:
    """All aggregates of events, of a number, and of the number where k = x."""
    made = SourcePlan(0)
    for agg in ("count", "last_seen_age", "first_seen_age"):
        assert made.require(agg, (), None) == EVENT
    for agg in ("sum", "mean", "std", "min", "max", "last"):
        assert made.require(agg, (), "n") == NUMBER
    for agg in ("count", "sum", "last", "last_seen_age"):
        assert made.require(agg, WHERE, "n") == CHOSEN
    return made


PLAN = plan()

Events = list[tuple[int, int, float | None, bool]]
"""User, time, number, whether it matches."""


def ring_of(events: Events, cuts: list[int] | None = None) -> PaneRing:
    """The events added in the batches that end at ``cuts``."""
    ring = PaneRing(PLAN, GRID, PANES, USERS)
    start = 0
    for stop in [*sorted(cuts or []), len(events)]:
        add(ring, events[start:stop])
        start = max(start, stop)
    return ring


def add(ring: PaneRing | DenseRing, events: Events) -> None:
    rows = np.array([e[0] for e in events], dtype=np.int64)
    times = np.array([e[1] for e in events], dtype=np.int64)
    values = np.array([np.nan if e[2] is None else e[2] for e in events])
    chosen = np.array([e[3] for e in events], dtype=np.bool_)
    masks = [np.ones(len(rows), dtype=np.bool_), ~np.isnan(values), chosen & ~np.isnan(values)]
    ring.add(rows, times, masks, [None, values, values])


def column(ring: PaneRing, row: int, pane: int, kind: str, selection: int) -> float:
    (entry,) = [e for e in entries(ring, row) if ring.pool.ids[e] == pane]
    return float(ring.column(kind, selection)[entry])


def entries(ring: PaneRing, row: int) -> list[int]:
    found: list[int] = ring.pool.entries(np.array([row]))[0].tolist()
    return found


def contents(ring: PaneRing) -> tuple[bytes, ...]:
    names = ("newest", "first", "base_time", "base_value")
    held, lengths = ring.pool.entries(np.arange(len(ring.newest)))
    tables = (ring.pool.ids, ring.pool.counts, ring.pool.numbers)
    panes = [lengths.tobytes(), *(table[held].tobytes() for table in tables)]
    return (*panes, *(getattr(ring, name).tobytes() for name in names))


events_of = st.lists(
    st.tuples(
        st.integers(0, USERS - 1),
        st.integers(0, 120),
        st.one_of(st.none(), st.floats(-1e3, 1e3, allow_subnormal=False)),
        st.booleans(),
    ),
    max_size=40,
)


@examples(40)
@given(events_of, st.lists(st.integers(0, 40), max_size=6))
def test_batches_make_no_difference_to_the_last_bit(events: Events, cuts: list[int]) -> None:
    assert contents(ring_of(events, cuts)) == contents(ring_of(events))


@examples(40)
@given(events_of)
def test_a_pane_holds_the_partial_aggregates_of_its_events(events: Events) -> None:
    ring = ring_of(events)
    held: dict[tuple[int, int], Events] = defaultdict(list)
    newest = dict.fromkeys(range(USERS), -1)
    for e in events:
        held[e[0], (e[1] - 1) // GRID].append(e)
        newest[e[0]] = max(newest[e[0]], (e[1] - 1) // GRID)
    for (row, pane), inside in held.items():
        if pane > newest[row] - PANES:
            check_pane(ring, row, pane, inside)


def check_pane(ring: PaneRing, row: int, pane: int, inside: Events) -> None:
    numbers = [e[2] for e in inside if e[2] is not None]
    chosen = [e for e in inside if e[2] is not None and e[3]]
    found = {
        kind: column(ring, row, pane, kind, selection)
        for kind, selection in [
            ("sum", NUMBER),
            ("sumsq", NUMBER),
            ("min", NUMBER),
            ("max", NUMBER),
        ]
    }
    assert column(ring, row, pane, "count", EVENT) == len(inside)
    assert column(ring, row, pane, "count", CHOSEN) == len(chosen)
    assert column(ring, row, pane, "last_time", EVENT) == max(e[1] for e in inside)
    assert found["sum"] == pytest.approx(sum(numbers), abs=1e-9)
    assert found["sumsq"] == pytest.approx(sum(n * n for n in numbers), abs=1e-9)
    assert found["min"] == min(numbers, default=np.inf)
    assert found["max"] == max(numbers, default=-np.inf)
    if chosen:
        last = [e for e in chosen if e[1] == max(c[1] for c in chosen)][-1]
        assert column(ring, row, pane, "last_value", CHOSEN) == last[2]


@examples(30)
@given(events_of)
def test_the_last_value_outlives_the_ring(events: Events) -> None:
    """The newest of base and panes is the last event, however long ago."""
    ring = ring_of(events)
    i = PLAN.carried.index(CHOSEN)
    for row in range(USERS):
        chosen = [e for e in events if e[0] == row and e[2] is not None and e[3]]
        if not chosen:
            continue
        newest = max(e[1] for e in chosen)
        held = entries(ring, row)
        times = np.append(ring.column("last_time", CHOSEN)[held], ring.base_time[row, i])
        values = np.append(ring.column("last_value", CHOSEN)[held], ring.base_value[row, i])
        assert times.max() == newest
        assert values[times.argmax()] == [e for e in chosen if e[1] == newest][-1][2]


@examples(40)
@given(events_of, st.randoms(use_true_random=False))
def test_counts_extremes_and_whole_sums_do_not_depend_on_the_order(
    events: Events, rng: random.Random
) -> None:
    """Commutative and associative, as long as the ring's panes are not given away meanwhile."""
    near = [(u, 80 + t % 40, None if n is None else float(round(n)), c) for u, t, n, c in events]
    shuffled = rng.sample(near, len(near))
    one, other = ring_of(near), ring_of(shuffled)
    for row in range(USERS):
        mine, theirs = entries(one, row), entries(other, row)
        assert one.pool.ids[mine].tolist() == other.pool.ids[theirs].tolist()
        for c in PLAN.columns:
            if c.kind != "last_value":
                found = [r.column(c.kind, c.selection) for r in (one, other)]
                assert found[0][mine].tobytes() == found[1][theirs].tobytes()
    assert one.first.tobytes() == other.first.tobytes()


def test_the_initial_values_are_the_identities_of_merging() -> None:
    merge: dict[str, Any] = {"count": sum, "sum": sum, "sumsq": sum, "min": min, "max": max}
    for kind, combine in merge.items():
        for value in (-2.5, 0.0, 7.0):
            assert combine([value, INITIAL[kind]]) == combine([INITIAL[kind], value]) == value
    assert INITIAL["last_time"] == NEVER
    assert np.isnan(INITIAL["last_value"])


def test_no_events_change_nothing() -> None:
    ring = ring_of([(0, 15, 1.0, True)])
    before = contents(ring)
    add(ring, [])
    assert contents(ring) == before


@examples(60)
@given(events_of, st.lists(st.integers(0, 40), max_size=6))
def test_the_panes_of_the_ring_are_those_of_the_simple_form(
    events: Events, cuts: list[int]
) -> None:
    ring, dense = ring_of(events, cuts), DenseRing(PLAN, GRID, PANES, USERS)
    add(dense, events)
    assert ring.newest.tobytes() == dense.newest.tobytes()
    assert ring.first.tobytes() == dense.first.tobytes()
    for row in range(USERS):
        oldest = (dense.newest[row] - 1) // GRID - PANES
        panes = {pane: slot for slot, pane in enumerate(dense.ids[row].tolist())}
        slots = [panes[pane] for pane in sorted(panes) if pane != EMPTY and pane > oldest]
        held = entries(ring, row)
        assert ring.pool.ids[held].tolist() == dense.ids[row, slots].tolist()
        for c in PLAN.columns:
            found = ring.column(c.kind, c.selection)[held].astype(float)
            assert found.tobytes() == dense.data[row, slots, c.index].tobytes()


def test_a_pane_a_ring_older_than_the_newest_is_let_go() -> None:
    ring = ring_of([(0, 15, 1.0, True), (0, 15 + GRID * PANES, 2.0, False)])
    assert column(ring, 0, 5, "count", EVENT) == 1
    assert ring.pool.ids[entries(ring, 0)].tolist() == [5]
    assert ring.base_time[0, PLAN.carried.index(CHOSEN)] == 15
    assert ring.base_value[0, PLAN.carried.index(CHOSEN)] == 1.0


def test_an_event_from_before_the_ring_counts_in_no_pane() -> None:
    ring = ring_of([(0, 15 + GRID * PANES, 2.0, False), (0, 15, 1.0, True)])
    assert column(ring, 0, 5, "count", EVENT) == 1
    assert ring.base_time[0, PLAN.carried.index(CHOSEN)] == 15
    assert ring.first[0, 0] == 15


def test_growing_keeps_what_there_is_and_clearing_forgets_it() -> None:
    ring = ring_of([(0, 15, 1.0, True), (2, 25, 3.0, True)])
    before = contents(ring)
    ring.grow(USERS * 4)
    assert contents(ring)[1:4] == before[1:4]
    assert ring.pool.used.tolist() == [1, 0, 1] + [0] * USERS * 3
    ring.clear(np.array([0]))
    assert entries(ring, 0) == []
    assert ring.newest[0] == NEVER
    assert column(ring, 2, 2, "count", EVENT) == 1
