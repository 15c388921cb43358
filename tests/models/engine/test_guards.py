"""Rules that need a user's past: told record by record, whatever the batches and the crashes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spec import QualitySpec, RateSpec, Spec
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples
from tests.models.engine.portrait import portrait
from tests.models.engine.story import EAGER, SPEC, Item, S, event, topics

RULES = QualitySpec(monotone=("n",), max_rate=RateSpec(3, 20 * S))


def guarded(spec: Spec) -> Spec:
    usage, *others = spec.sources
    return replace(spec, sources=(replace(usage, quality=RULES), *others))


@st.composite
def usage(draw: st.DrawFn) -> list[Item]:
    """Events of three users, a little out of order, some without the counter."""
    items, now = [], 1.0
    for _ in range(draw(st.integers(1, 25))):
        now += draw(st.sampled_from([0.0, 0.5, 3.0, 12.0]))
        data = draw(st.sampled_from([{}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": 3}]))
        late = draw(st.sampled_from([0.0, 0.0, 1.0, 4.0]))
        items.append(event("usage", now, draw(st.sampled_from("abc")), now - late, **data))
    return items


def expected(items: Sequence[Item]) -> dict[int, str]:
    """Offset of each record that breaks a rule, and which; the definition."""
    counters: dict[str, tuple[int, float]] = {}
    rates: dict[str, tuple[int, int]] = {}
    ids, found = set(), {}
    for offset, item in enumerate(items):
        if item.id in ids:
            continue
        ids.add(item.id)
        assert item.user is not None
        assert item.time is not None
        place = item.time // RATE.per
        newest, count = rates.get(item.user, (place, 0))
        if place >= newest:
            count = count + 1 if place == newest else 1
            rates[item.user] = (place, count)
            if count > RATE.events:
                found[offset] = "max_rate"
        value = item.data.get("n")
        if value is not None:
            time, before = counters.get(item.user, (item.time, value))
            if item.time >= time:
                counters[item.user] = (item.time, value)
                if value < before:
                    found.setdefault(offset, "monotone")
    return found


assert RULES.max_rate is not None
RATE = RULES.max_rate


def letters(worker: Worker) -> dict[int, str]:
    sent = worker.unique("deadletter").values()
    assert {letter["reason"] for letter in sent} <= {"quality-rule"}
    return {letter["offset"]: letter["message"].split()[1].strip(":") for letter in sent}


@examples(25)
@given(usage())
def test_each_record_is_judged_by_what_its_user_had_before(items: list[Item]) -> None:
    spec = guarded(SPEC)
    worker = Worker(spec, topics(spec, items)).run()
    broken = expected(items)
    assert letters(worker) == broken
    state = worker.engine.state.sources[0]
    assert state.unruly == len(broken)
    assert state.events + state.duplicates == len(items) - len(broken)


@pytest.mark.parametrize("spec", [SPEC, EAGER], ids=["scheduled", "eager"])
@examples(6)
@given(usage(), st.integers(0, 2**32))
def test_pieces_and_crashes_change_nothing(spec: Spec, items: list[Item], seed: int) -> None:
    spec = guarded(spec)
    whole = Worker(spec, topics(spec, items)).run()
    pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(seed), crash=0.3)
    for topic in ("scores", "deadletter", "examples"):
        assert whole.unique(topic) == pieces.unique(topic)
    assert portrait(whole) == portrait(pieces)


def test_what_breaks_a_rule_counts_for_nothing_but_progress() -> None:
    """What an event says is not believed; that its source has come so far is true."""
    spec = guarded(SPEC)
    good = [event("usage", t, "a", t, n=t) for t in (1, 30)]
    bad = event("usage", 31, "a", 31, n=7)
    end = event("usage", 50, "b", 50, n=1)
    without = Worker(spec, topics(spec, [*good, end])).run()
    worker = Worker(spec, topics(spec, [*good, bad, end])).run()
    (letter,) = worker.sent("deadletter")
    assert letter["message"] == (
        'rule monotone of field "n": 7 is below 30, which an earlier event of the user had'
    )
    scores = worker.unique("scores"), without.unique("scores")
    ages = [
        {one["time"]: one["sources"]["usage"].pop("staleness_s") for one in some.values()}
        for some in scores
    ]
    assert scores[0] == scores[1]
    assert ages[0] != ages[1]


def test_without_such_rules_the_state_is_as_it_was() -> None:
    assert guarded(SPEC).feature_set != SPEC.feature_set
    ruled = replace(SPEC.sources[0], quality=QualitySpec(tests=(), min_samples=50))
    spec = replace(SPEC, sources=(ruled, *SPEC.sources[1:]))
    assert spec.feature_set == SPEC.feature_set
