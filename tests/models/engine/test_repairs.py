"""One repair after the other, in partitions that have seen everything.

Records of other partitions, users who are forgotten, on request or because they left long ago,
and rules that need a user's past.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import rebuilding, sweeps
from models.spec import QualitySpec, RateSpec, Spec
from schemas.controls import FORGET_HEADER
from schemas.murmur2 import partition_of
from tests.models.engine.harness import Worker
from tests.models.engine.histories import USERS, examples, histories
from tests.models.engine.portrait import portrait
from tests.models.engine.story import EAGER, SPEC, START, Item, S, at, topics
from tests.models.engine.test_rebuilding import ORDER, is_wrong, state, unread, verdict

Pair = tuple[Item, Item]
"""A record, and what a run has in its place that never sees what is wrong."""

HERE = [user for user in USERS if partition_of(user.encode(), 2) == 0]
SHORT = tuple(f for f in SPEC.features if max(f.window or 0, f.over or 0) <= 30 * S)


def brief(spec: Spec) -> Spec:
    """Windows, labels and patience are short; events that break rules are kept out."""
    usage, *others = spec.sources
    usage = replace(usage, quality=QualitySpec(monotone=("n",), max_rate=RateSpec(3, 20 * S)))
    sources = tuple(replace(one, allowed_lateness=10 * S) for one in (usage, *others))
    labels = replace(spec.labels, horizon=20 * S)
    return replace(spec, features=SHORT, sources=sources, labels=labels)


SPECS = {"scheduled": brief(SPEC), "eager": brief(EAGER)}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 2)
    monkeypatch.setattr(rebuilding, "GROUP", 2)


def later(item: Item, pause: int) -> Item:
    time = None if item.time is None else item.time + pause
    return replace(item, stamp=item.stamp + pause, time=time)


@st.composite
def with_faults(draw: st.DrawFn) -> tuple[list[Item], list[Item]]:
    """A history in which two stretches are rejected, and the same without them."""
    items = draw(histories())
    place, pause = draw(st.integers(0, len(items))), draw(st.sampled_from([0, 90, 200])) * S
    items = [*items[:place], *(later(item, pause) for item in items[place:])]
    end = items.pop()
    for user in draw(st.lists(st.sampled_from(HERE), max_size=1)):
        asked, stamp = draw(st.sampled_from(ORDER)), draw(st.sampled_from([*items, end])).stamp
        items.append(Item(asked, stamp, user, raw=b"", headers=((FORGET_HEADER, user.encode()),)))
    pairs = [(item, item) for item in sorted(items, key=place_of)]
    for source, stamp, begin, until in draw(st.tuples(stretches(items), stretches(items))):
        pairs = rejected(pairs, source, stamp, begin, until)
    saw, never = zip(*pairs, (end, end), strict=True)
    return list(saw), list(never)


@st.composite
def stretches(draw: st.DrawFn, items: list[Item]) -> tuple[str, int, int, int]:
    """Whose data is rejected, when that is said, and which."""
    source = draw(st.sampled_from(["usage", "usage", "billing", "outcomes"]))
    stamp = draw(st.sampled_from(items[len(items) // 2 :])).stamp
    begin = at(draw(st.integers(-20, (stamp - START) // S)))
    return source, stamp, begin, begin + draw(st.integers(1, 80)) * S


def rejected(pairs: list[Pair], source: str, stamp: int, begin: int, until: int) -> list[Pair]:
    """With a rejection, and without what it is about."""
    told = [verdict(source, stamp, action, begin, until) for action in ("corrupt", "reject")]
    place = sum(place_of(one) <= place_of(told[0]) for one, _ in pairs)
    before = [
        (one, unread(one) if is_wrong(one, source, begin, until) else other)
        for one, other in pairs[:place]
    ]
    return [*before, *((one, unread(one)) for one in told), *pairs[place:]]


def place_of(item: Item) -> tuple[int, int]:
    """In the order in which records take effect."""
    return item.stamp, ORDER.index(item.source)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(12)
@given(with_faults())
def test_the_state_is_that_of_a_run_that_never_saw_the_faults(
    spec: Spec, drawn: tuple[list[Item], list[Item]]
) -> None:
    saw, never = (Worker(spec, topics(spec, items), partitions=2).run() for items in drawn)
    known = [one.state for source in saw.engine.state.sources for one in source.corrupt.known]
    assert set(known) == {"repaired"}
    assert state(saw) == state(never)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(4)
@given(with_faults(), st.integers(0, 2**32))
def test_pieces_and_crashes_change_nothing(
    spec: Spec, drawn: tuple[list[Item], list[Item]], seed: int
) -> None:
    held = topics(spec, drawn[0])
    whole = Worker(spec, held, partitions=2).run()
    pieces = Worker(spec, held, partitions=2).run_in_pieces(random.Random(seed), crash=0.3)
    assert whole.scores() == pieces.scores()
    assert whole.examples() == pieces.examples()
    assert portrait(whole) == portrait(pieces)
