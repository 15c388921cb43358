"""Features without intervals of wrong data, against a naive count of panes and lists of events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.aggregates import BASELINE, PERIODIC, WINDOWED
from models.features.vector import features, remaining, touched
from models.grid import NEVER
from models.spec import FeatureSpec, Spec
from tests.models.engine import oracle
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples
from tests.models.engine.story import GRID, Item, S, at, event, topics
from tests.models.engine.wanted import Event, effective_as_of, matches, one_feature
from tests.models.features.test_vector import (
    NOW,
    PANES,
    PATIENT,
    answerable,
    drawn,
    equal,
    ingested,
    item,
)

Stretches = Sequence[tuple[int, int]]
FOREVER = -NEVER
RATES = ("count", "sum")


def spec_of(mode: Literal["mask", "remaining"], coverage: float = 0.5) -> Spec:
    sources = (replace(s, corrupt_windows=mode, coverage=coverage) for s in PATIENT.sources)
    return replace(PATIENT, sources=tuple(sources))


SPECS = {"mask": spec_of("mask"), "half": spec_of("remaining"), "any": spec_of("remaining", 0.01)}

# --- by definition ---------------------------------------------------------------------------


def out(pane: int, stretches: Stretches, effective: int) -> bool:
    """Whether a pane holds a moment of an interval that is not after the as-of time."""
    low, high = pane * GRID, min((pane + 1) * GRID, effective)
    return any(begin < high and end > low for begin, end in stretches)


def pane(time: int) -> int:
    return (time - 1) // GRID


def share(window: int, as_of: int, effective: int, stretches: Stretches) -> float:
    low = as_of // GRID - window // GRID
    high = -(-effective // GRID) if effective == as_of else as_of // GRID
    panes = range(low, high)
    return sum(not out(k, stretches, effective) for k in panes) / len(panes)


def concerned(
    entered: int | None, events: list[Event], effective: int, stretches: Stretches
) -> Stretches:
    """Those that may have something of a user: who had entered, or has an event in their panes."""
    oldest = pane(max((e.time for e in events), default=0)) - (PANES - 1)
    held = [pane(e.time) for e in events if e.time <= effective and pane(e.time) >= oldest]

    def may_have(one: tuple[int, int]) -> bool:
        there = entered is None or entered < one[1]
        return there or any(out(k, [one], effective) for k in held)

    return [one for one in stretches if may_have(one)]


def without(
    spec: Spec,
    feature: FeatureSpec,
    events: list[Event],
    as_of: int,
    stretches: Stretches,
    entered: int | None,
) -> float:
    """A feature by its definition, intervals left out."""
    declared = spec.sources[spec.source_index(feature.source or "")]
    effective = effective_as_of(GRID, events, as_of)
    stretches = concerned(entered, events, effective, stretches)
    if feature.agg in WINDOWED:
        assert feature.window is not None
        short = share(feature.window, as_of, effective, stretches)
        long = short if feature.over is None else share(feature.over, as_of, effective, stretches)
        whole = min(short, long) == 1
        partial = feature.agg not in (BASELINE | PERIODIC | {"distinct", "due_in"})
        if not whole and (declared.corrupt_windows == "mask" or not partial):
            return math.nan
        if min(short, long) < declared.coverage:
            return math.nan
        first = min((e.time for e in events if matches(feature, e)), default=None)
        if feature.agg in BASELINE and first is not None and inside(first, stretches):
            return math.nan
        kept = [e for e in events if not out(pane(e.time), stretches, effective)]
        outside = feature.agg == "gap_ratio" or feature.agg in BASELINE  # looks out of its window
        value = one_feature(GRID, feature, events if outside else kept, as_of, effective)
        if whole:
            return value
        if feature.agg in RATES:
            return value / short
        return value / short * long if feature.agg in ("ratio", "trend") else value
    chosen = [e for e in events if matches(feature, e) and e.time <= effective]
    if feature.agg == "first_seen_age":
        known = [e for e in events if matches(feature, e)]
        if known and inside(min(e.time for e in known), stretches):
            return math.nan
        return one_feature(GRID, feature, events, as_of, effective)
    good = newest_good(events, chosen, stretches)
    behind = [min(end, effective) for begin, end in stretches if begin < effective]
    newest = max((e.time for e in good), default=NEVER)
    if declared.corrupt_windows == "mask" and behind and newest < max(behind):
        return math.nan
    return one_feature(GRID, feature, good, as_of, effective)


def newest_good(events: list[Event], chosen: list[Event], stretches: Stretches) -> list[Event]:
    """The newest event of each pane (and of all before the ring), where no interval holds it."""
    oldest = pane(max((e.time for e in events), default=0)) - (PANES - 1)
    newest: dict[int, Event] = {}
    for e in chosen:
        k = max(pane(e.time), oldest - 1)
        if k not in newest or e.time >= newest[k].time:
            newest[k] = e
    return [e for e in newest.values() if not inside(e.time, stretches)]


def inside(time: int, stretches: Stretches) -> bool:
    return any(begin < time <= end for begin, end in stretches)


# --- tests -----------------------------------------------------------------------------------


@st.composite
def stretches(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Intervals apart from each other; on the grid and off it, the last one perhaps open."""
    edges = draw(st.lists(st.integers(-20, 2100), min_size=2, max_size=6, unique=True))
    whole = draw(st.booleans())
    times = sorted({at(NOW) - (e // 100 * 100 if whole else e) * S // 10 for e in edges})
    found = list(zip(times[::2], times[1::2], strict=False))
    if len(times) % 2 and draw(st.booleans()):
        found.append((times[-1], FOREVER))
    return found


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(15)
@given(
    st.lists(drawn, min_size=1, max_size=60),
    st.lists(st.integers(0, 2000), min_size=3, max_size=3),
    stretches(),
    st.integers(0, 2**32),
)
def test_what_is_left_out_is_left_out_by_definition(
    spec: Spec, draws: list[Any], backwards: list[int], left_out: Stretches, seed: int
) -> None:
    items = [item(number, draw) for number, draw in enumerate(draws)]
    agree(
        spec,
        items,
        [at(NOW + 10) - back * S // 10 for back in [*backwards, 0, 100]],
        left_out,
        seed,
    )


def test_a_first_event_in_a_pane_that_an_interval_cuts_is_still_the_first() -> None:
    """What a user's baseline counts from is the event, not what remains of its pane."""
    items = [
        event("billing", NOW, "a", time, n=n, id=str(n)) for time, n in ((-90, None), (100, 4))
    ]
    agree(SPECS["half"], items, [at(171.8)], [(at(34), at(94))])


def agree(
    spec: Spec, items: list[Item], moments: list[int], left_out: Stretches, seed: int = 1
) -> None:
    """Engine and definition, for every user and feature."""
    worker = ingested(spec, items, seed)
    truth = oracle.Oracle(spec).run(items)
    for name, user in truth.users.items():
        times = [[moment] * 2 + [at(NOW)] for moment in moments]
        matrix = vectors(worker, name, times, [left_out, left_out[:1], []])
        for i, as_of in enumerate(times):
            if not all(answerable(user, s, as_of[s]) for s in (0, 1)):
                continue
            agree_on_coverage(worker, name, user, as_of, (left_out, left_out[:1]))
            for j, feature in enumerate(spec.features):
                if feature.source is None:
                    continue
                s = spec.source_index(feature.source)
                own = (left_out, left_out[:1])[s]
                told = user.events[s]
                wanted = without(spec, feature, told, as_of[s], own, user.entered)
                assert equal([matrix[i, j]], [wanted]), (feature, matrix[i, j], wanted)


def agree_on_coverage(
    worker: Worker, name: str, user: oracle.User, as_of: list[int], left_out: Sequence[Stretches]
) -> None:
    """What is said to remain is the smallest share of any window; 1 or nothing where all do."""
    slab, spec = worker.engine.slab, worker.engine.spec
    times = np.array([as_of], dtype=np.int64)
    found = remaining(slab, slab.row_of([name]), times, [*left_out, []])[0]
    for s, gone in enumerate(left_out):
        events = user.events[s]
        effective = effective_as_of(GRID, events, as_of[s])
        own = concerned(user.entered, events, effective, gone)
        read = [f for f in spec.features if f.source == spec.sources[s].name]
        sizes = {size for f in read if f.agg in WINDOWED for size in (f.window, f.over) if size}
        least = min(share(size, as_of[s], effective, own) for size in sizes)
        if least < 1:
            assert found[s] == pytest.approx(least, abs=1e-12)
        else:
            assert found[s] == 1 or math.isnan(found[s])


def vectors(worker: Worker, user: str, times: list[list[int]], excluded: Any) -> Any:
    slab = worker.engine.slab
    rows = np.repeat(slab.row_of([user]), len(times))
    as_of = np.array(times, dtype=np.int64)
    return features(slab, rows, np.full(len(times), at(NOW)), as_of, excluded)[0]


@examples(10)
@given(st.lists(drawn, min_size=1, max_size=40), st.integers(0, 2**32))
def test_with_nothing_left_out_not_a_bit_changes(draws: list[Any], seed: int) -> None:
    worker = ingested(PATIENT, [item(n, draw) for n, draw in enumerate(draws)], seed)
    for user in worker.engine.slab.rows:
        times = [[at(NOW - n)] * 3 for n in range(0, 60, 7)]
        plain = vectors(worker, user, times, ())
        for nothing in ([[], [], []], [[(at(NOW + 50), FOREVER)]] * 3):
            assert vectors(worker, user, times, nothing).tobytes() == plain.tobytes()


def test_a_sum_over_half_of_a_window_is_doubled_and_a_mean_is_not() -> None:
    events = [event("usage", NOW, "a", NOW - 5 - 10 * i, n=3, id=str(i)) for i in range(6)]
    spec = SPECS["half"]
    worker = Worker(spec, topics(spec, events)).run()
    names = [f.name for f in spec.features]
    found = vectors(worker, "a", [[at(NOW)] * 3], [[(at(NOW - 30), at(NOW))], [], []])[0]
    assert found[names.index("sum")] == 18
    assert found[names.index("quiz_share")] == 0
    assert math.isnan(found[names.index("mean")])  # nothing is left of its 30 s
    assert found[names.index("last")] == 3
    assert found[names.index("last_seen")] == 35


def test_who_came_later_lost_nothing() -> None:
    """An interval that ended before a user entered says nothing about what he never did."""
    spec, gone = SPECS["mask"], [(at(NOW - 30), at(NOW - 20))]
    events = [event("usage", NOW, who, NOW - ago, n=3, id=f"{who}{ago}") for who, ago in LIVES]
    worker = Worker(spec, topics(spec, events)).run()
    names = [f.name for f in spec.features]
    late, early = (
        dict(zip(names, vectors(worker, who, [[at(NOW)] * 3], [gone, [], []])[0], strict=True))
        for who in ("late", "early")
    )
    plain = vectors(worker, "late", [[at(NOW)] * 3], ())[0]
    assert np.array_equal(list(late.values()), plain, equal_nan=True)
    assert math.isnan(early["sum"]), "of him something may be missing"


def test_learning_waits_for_windows_to_pass_and_not_for_the_past() -> None:
    """A value of the whole past stays left out; that is no reason to learn nothing any more."""
    spec = SPECS["mask"]
    longest = max(max(f.window or 0, f.over or 0) for f in spec.features if f.source == "usage")
    behind = NOW - longest // S - 20
    events = [event("usage", NOW, "a", behind - 100, n=3, id="0")]
    worker = Worker(spec, topics(spec, events)).run()
    slab = worker.engine.slab
    for end, in_a_window in ((behind, False), (NOW - 5, True)):
        gone = [[(at(behind - 50), at(end))], [], []]
        found = [
            touched(slab, slab.row_of(["a"]), np.array([[at(NOW)] * 3]), gone, lasting=lasting)
            for lasting in (True, False)
        ]
        assert [bool(one[0, 0]) for one in found] == [True, in_a_window]


LIVES = (("late", 10), ("late", 3), ("early", 50), ("early", 3))
