"""A user is forgotten at the place of the request: as if another person had lived before it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import sweeps
from models.spec import Spec
from schemas.controls import FORGET_HEADER
from tests.models.engine.harness import Worker
from tests.models.engine.histories import USERS, examples, histories
from tests.models.engine.portrait import portrait
from tests.models.engine.story import (
    EAGER,
    EVENTS_ONLY,
    SILENT,
    SPEC,
    START,
    Item,
    S,
    beat,
    event,
    micros,
    topics,
)

SPECS = {"scheduled": SPEC, "eager": EAGER, "silent": SILENT, "events-only": EVENTS_ONLY}
ORDER = ("usage", "billing", "outcomes")
GHOST = "ghost"


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 2)


def request(source: str, stamp: int, user: str) -> Item:
    """A request to forget a user."""
    return Item(source, stamp, user, raw=b"", headers=((FORGET_HEADER, user.encode()),))


def merged(items: Sequence[Item]) -> list[Item]:
    """In the order in which they take effect: arrival, source, place in the topic."""
    return sorted(items, key=lambda item: (item.stamp, ORDER.index(item.source)))


@st.composite
def with_request(draw: st.DrawFn) -> tuple[list[Item], int]:
    """A history in merged order, and the place of a request in it."""
    items = draw(histories())
    at = draw(st.integers(0, len(items) - 1))
    asked = request(draw(st.sampled_from(ORDER)), items[at].stamp, draw(st.sampled_from(USERS)))
    items = merged([*items[:at], asked, *items[at:]])
    return items, items.index(asked)


def renamed(items: Sequence[Item], user: str) -> list[Item]:
    return [replace(item, user=GHOST) if item.user == user else item for item in items]


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what the user's name goes into."""
    return {k: v for k, v in record.items() if k not in ("id", "user")}


def of(records: dict[str, dict[str, Any]], user: str) -> list[dict[str, Any]]:
    return sorted((plain(r) for r in records.values() if r["user"] == user), key=repr)


def others(records: dict[str, dict[str, Any]], *users: str) -> dict[str, dict[str, Any]]:
    return {i: r for i, r in records.items() if r["user"] not in users}


def before(score: dict[str, Any], items: Sequence[Item], place: int) -> bool:
    """Whether a score stands before the request in the order of effects."""
    if score["cause"] == "schedule":
        time = micros(score["time"])
        return time is not None and time < items[place].stamp
    topic, _, offset = score["cause"].removeprefix("event:").rpartition("-0-")
    return int(offset) < sum(f"t.{item.source}" == topic for item in items[:place])


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(5)
@given(with_request())
def test_a_forgotten_user_starts_from_zero_and_nobody_else_notices(
    spec: Spec, drawn: tuple[list[Item], int]
) -> None:
    items, place = drawn
    user = items[place].user or ""
    unread = replace(items[place], headers=())  # in its place something that is only rejected
    rest = items[place + 1 :]
    asked = Worker(spec, topics(spec, items)).run()
    never = Worker(spec, topics(spec, [*items[:place], unread, *rest])).run()
    fresh = Worker(spec, topics(spec, [*renamed(items[:place], user), unread, *rest])).run()
    for topic in ("scores", "examples"):
        found, apart = asked.unique(topic), fresh.unique(topic)
        assert others(found, user) == others(apart, user, GHOST)
        if topic == "scores":
            earlier = {i: s for i, s in never.unique(topic).items() if before(s, items, place)}
        else:
            stamp = items[place].stamp
            earlier = {i: e for i, e in never.unique(topic).items() if e["epoch"] < stamp}
        assert of(found, user) == sorted([*of(earlier, user), *of(apart, user)], key=repr)
    assert state(asked) == state(fresh)


def state(worker: Worker) -> dict[str, Any]:
    """What is durable of everybody but the ghost."""
    found = portrait(worker)
    partition = found.pop("partition")
    found["at_risk"] = dict.fromkeys(found["at_risk"])
    people = {name: {u: v for u, v in part.items() if u != GHOST} for name, part in found.items()}
    return people | {"events": [source["events"] for source in partition["sources"]]}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(2)
@given(with_request(), st.integers(0, 2**32), st.sampled_from([0.0, 0.3]))
def test_cuts_and_crashes_change_nothing(
    spec: Spec, drawn: tuple[list[Item], int], seed: int, crash: float
) -> None:
    items, _ = drawn
    whole = Worker(spec, topics(spec, items)).run()
    pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(seed), crash=crash)
    for topic in ("scores", "deadletter", "examples"):
        assert whole.unique(topic) == pieces.unique(topic)
    assert portrait(whole) == portrait(pieces)


STORY = [
    event("usage", 1, "a", 1, n=3),
    event("usage", 2, "b", 2, n=4),
    event("billing", 3, "a", 3, n=1),
    event("outcomes", 4, "a", 4, kind="return"),
]


def test_nothing_of_a_forgotten_user_is_left() -> None:
    ask = request("billing", START + 90 * S, "a")
    for learning in (SPEC.learning, replace(SPEC.learning, example_every=20 * S)):
        spec = replace(SPEC, learning=learning)
        worker = Worker(spec, topics(spec, [*STORY, beat("billing", 89), ask])).run()
        assert set(worker.store.users) == {"b"} == set(worker.store.at_risk)
        assert "a" not in worker.engine.slab.rows
        assert "a" not in worker.store.pending
        assert "a" not in worker.store.expiry
        assert worker.engine.state.sources[1].rejected == {}


def test_it_can_be_asked_again_and_for_somebody_unknown() -> None:
    asks = [request(source, START + 9 * S, "a") for source in ORDER]
    asks += [request("usage", START + (10 + n) * S, user) for n, user in enumerate(["a", "nobody"])]
    worker = Worker(SPEC, topics(SPEC, [*STORY, *asks])).run()
    assert set(worker.store.users) == {"b"}
    assert worker.letters() == {}


@pytest.mark.parametrize("value", [b"", b"\xff", b"a\0", b"x" * 513, None])
def test_a_request_that_names_nobody_is_a_dead_letter(value: bytes | None) -> None:
    ask = Item("usage", START + 9 * S, "a", raw=b"{}", headers=((FORGET_HEADER, value),))
    worker = Worker(SPEC, topics(SPEC, [*STORY, ask])).run()
    assert [letter["reason"] for letter in worker.letters().values()] == ["bad-user"]
    assert set(worker.store.users) == {"a", "b"}


def test_a_request_in_a_partition_that_is_not_the_users_is_a_dead_letter() -> None:
    ask = request("usage", START + 9 * S, "cé")
    worker = Worker(SPEC, topics(SPEC, [ask]), partition=0, partitions=64).run()
    assert [letter["reason"] for letter in worker.letters().values()] == ["wrong-partition"]
