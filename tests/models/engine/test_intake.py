"""What is not used goes to the dead letters whole, with its reason; the stream goes on."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from models.spec import Spec
from schemas.murmur2 import partition_of
from tests.models.engine.harness import Worker
from tests.models.engine.story import SPEC, START, Item, Raw, S, at, beat, event, topics


def run(*items: Item, spec: Spec = SPEC, **settings: Any) -> Worker:
    return Worker(spec, topics(spec, list(items)), **settings).run()


def reasons(worker: Worker) -> dict[str, str]:
    """Place of each dead letter to its reason."""
    return {letter["id"]: letter["reason"] for letter in worker.sent("deadletter")}


BAD = {
    b"\xff\xfe": "undecodable",
    b"{": "not-json",
    b"[1]": "not-an-object",
    b"{}": "missing-user",
    b'{"user": null, "at": 1}': "null-user",
    b'{"user": "a"}': "missing-time",
    b'{"user": "a", "at": 1}': "absurd-time",
    b'{"user": "a", "at": "yesterday"}': "bad-time",
    f'{{"user": "a", "at": {START}, "id": ""}}'.encode(): "bad-id",
    f'{{"user": "a", "at": {START}, "id": "1", "data": {{"n": "1"}}}}'.encode(): "wrong-type",
}


def test_one_bad_record_never_spoils_its_batch() -> None:
    items = []
    for i, raw in enumerate(BAD):
        items += [event("usage", 1, f"u{i}", 1), Item("usage", at(1), "a", raw=raw)]
    worker = run(*items, beat("billing", 30))
    letters = worker.sent("deadletter")
    assert [letter["reason"] for letter in letters] == list(BAD.values())
    for letter, (i, raw) in zip(letters, enumerate(BAD), strict=True):
        assert base64.b64decode(letter["value_base64"]) == raw
        assert base64.b64decode(letter["key_base64"]) == b"a"
        assert letter["id"] == f"t.usage-0-{2 * i + 1}"
        assert (letter["topic"], letter["partition"], letter["offset"]) == ("t.usage", 0, 2 * i + 1)
        assert letter["record_time"] == "2020-01-06T00:00:01Z"
        assert letter["message"]
    assert {s["user"] for s in worker.sent("scores")} == {f"u{i}" for i in range(len(BAD))}
    assert worker.engine.state.sources[0].rejected.total() == len(BAD)


def test_headers_and_missing_keys_are_kept() -> None:
    raw = Raw(0, (START + S) // 1000, None, b"{", [("h", b"\xff"), ("h", b"2")])
    worker = Worker(SPEC, [[raw], [], []]).run()
    (letter,) = worker.sent("deadletter")
    assert letter["key_base64"] is None
    headers = [[n, base64.b64decode(v)] for n, v in letter["headers"]]
    assert headers == [["h", b"\xff"], ["h", b"2"]]
    assert letter["retried_from"] is None


@pytest.mark.parametrize("stamp", [-1, 0, 10**15, 2**62 // 1000, 2**63 - 1, -(2**63)])
def test_a_bad_record_with_an_absurd_record_time_is_a_dead_letter_too(stamp: int) -> None:
    good = event("usage", 1, "a", 1)
    first, *_ = topics(SPEC, [good])
    bad = Raw(1, stamp, b"k", b"{", ())
    worker = Worker(SPEC, [[first[0], bad], [], []], now=at(90)).run()
    (letter,) = worker.sent("deadletter")
    assert letter["reason"] == "not-json"
    assert letter["record_time"]
    assert at(1) <= worker.engine.state.clock <= at(90)


def test_an_event_far_ahead_of_its_arrival_moves_nothing() -> None:
    edge = event("usage", 5, "a", 15)
    worker = run(edge, event("usage", 5, "b", 15.000001), event("usage", 6, "b", 6))
    assert reasons(worker) == {"t.usage-0-1": "future-time"}
    progress = worker.engine.state.sources[0].progress
    assert (progress.last_data, progress.data) == (at(15), at(10))


def test_a_heartbeat_far_ahead_of_its_arrival_moves_nothing() -> None:
    worker = run(event("billing", 5, "a", 5), beat("billing", 6, 10**6), beat("billing", 7, 8))
    assert reasons(worker) == {"t.billing-0-1": "future-time"}
    assert worker.engine.state.sources[1].progress.heartbeat == at(8)
    assert worker.engine.state.sources[1].heartbeats == 1


@pytest.mark.parametrize(
    ("source", "newest", "edge"),
    [
        # newest - out_of_orderness - allowed_lateness
        ("usage", event("usage", 100, "b", 100), 100 - 5 - 30),
        ("billing", event("billing", 100, "b", 100), 100 - 60),
        ("billing", beat("billing", 100), 100 - 60),
        # arrival - max_delay - allowed_lateness
        ("outcomes", event("outcomes", 90, "b", 100, kind="leave"), 100 - 20),
        ("outcomes", beat("billing", 100.5), 101 - 20 - 20),
    ],
)
def test_an_event_is_late_beyond_the_allowed_lateness(
    source: str, newest: Item, edge: float
) -> None:
    kind = {"kind": "churn"} if source == "outcomes" else {}
    allowed = event(source, 101, "a", edge, **kind)
    late = event(source, 101, "a", edge - 0.000001, **kind)
    worker = run(newest, late, allowed)
    assert list(reasons(worker).values()) == ["late"]
    assert worker.engine.state.sources[SPEC.source_index(source)].late == 1
    assert worker.engine.slab.rings[SPEC.source_index(source)].newest[
        worker.engine.slab.row_of(["a"])
    ] == [at(edge)]


def test_a_late_event_says_how_late() -> None:
    (letter,) = run(event("usage", 99, "b", 99), event("usage", 100, "a", 10)).sent("deadletter")
    assert "84 s behind the watermark 2020-01-06T00:01:34Z" in letter["message"]
    assert "allowed_lateness is 30 s" in letter["message"]


def test_users_of_another_partition_are_dead_lettered_with_the_remedy() -> None:
    users = [f"u{i}" for i in range(40)]
    items = [event("usage", 1, user, 1) for user in users for _ in range(2)]
    worker = run(*items, beat("billing", 30), partition=1, partitions=3)
    home = {user for user in users if partition_of(user.encode(), 3) == 1}
    assert 0 < len(home) < 40
    letters = worker.sent("deadletter")
    assert {letter["reason"] for letter in letters} == {"wrong-partition"}
    assert len(letters) == 2 * (40 - len(home))
    assert all("murmur2" in letter["message"] for letter in letters)
    assert {s["user"] for s in worker.sent("scores")} == home
    assert set(worker.store.users) == home


def test_repeated_ids_are_dropped_across_offsets_and_restarts() -> None:
    again = [event("usage", t, "a", 1, id="same", n=1) for t in (1, 2, 21, 22)]
    items = [*again, event("usage", 23, "b", 1, id="same", n=1), beat("billing", 25)]
    worker = Worker(SPEC, topics(SPEC, items))
    for _ in range(4):
        worker.push(0, 1)
        worker.work()
        worker.restart()
    worker.run()
    state = worker.engine.state.sources[0]
    assert (state.events, state.duplicates) == (2, 3)
    assert worker.vector("a", at(25), [at(25)] * 3)[0][0] == 1


def test_an_id_is_remembered_for_as_long_as_a_repeat_would_not_be_late() -> None:
    first = event("usage", 1, "a", 50 - 45, id="same", n=1)
    other = event("usage", 2, "b", 10, id="moves the watermark to 5 + 30", n=1)
    at_the_edge = [
        event("usage", 39, "b", 40, id="x"),
        event("usage", 40, "a", 39, id="same"),
        event("usage", 41, "b", 41, id="y"),
        event("usage", 42, "a", 41, id="same"),
    ]
    worker = run(first, other, *at_the_edge)
    # watermark 35: id of 5 still remembered; watermark 36: forgotten, the id is a new event's
    assert worker.engine.state.sources[0].duplicates == 1
    assert worker.engine.state.sources[0].events == 5


def test_remembered_ids_are_bounded_the_oldest_leave_first() -> None:
    spec = replace(SPEC, sources=(replace(SPEC.sources[0], max_ids=3), *SPEC.sources[1:]))
    items = [event("usage", 20, "a", t, id=f"i{t}") for t in (13, 11, 14, 12, 15)]
    again = [event("usage", 21, "a", t, id=f"i{t}") for t in (15, 13, 12, 11)]
    worker = run(*items, *again, spec=spec)
    row = int(worker.engine.slab.row_of(["a"])[0])
    assert sorted(worker.engine.slab.ids[row][0].values()) == [at(13), at(14), at(15)]
    # 15 and 13 were still known; 12 and 11 had made room, and came in again
    assert worker.engine.state.sources[0].duplicates == 2


def test_retrying_a_record_twice_counts_once() -> None:
    spec = replace(SPEC, sources=SPEC.sources)
    place = (("ebbline-retried-from", b"t.billing-0-0"),)
    broken = Item("billing", at(1), "a", raw=b"{")
    retries = [event("billing", t, "a", 1, n=1, b=True, headers=place) for t in (5, 6)]
    other = event("billing", 7, "a", 1, n=1, b=True, headers=((place[0][0], b"t.billing-0-9"),))
    worker = run(broken, *retries, other, spec=spec)
    assert worker.engine.state.sources[1].duplicates == 1
    assert worker.engine.state.sources[1].events == 2


def test_a_retry_that_fails_again_says_where_it_came_from() -> None:
    headers = (("ebbline-retried-from", b"t.billing-0-7"),)
    worker = run(Item("billing", at(1), "a", raw=b"{", headers=headers))
    assert worker.sent("deadletter")[0]["retried_from"] == "t.billing-0-7"


def test_without_ids_equal_content_is_two_events() -> None:
    worker = run(*(event("billing", 1, "a", 1, n=1) for _ in range(2)))
    assert worker.engine.state.sources[1].events == 2


def test_records_that_came_below_the_clock_are_applied_and_counted() -> None:
    worker = Worker(SPEC, topics(SPEC, [event("usage", 9, "a", 9), event("billing", 5, "a", 5)]))
    worker.push(0, 1)
    worker.drive(worker.engine.advance(worker.merger.take([False] * 3, 9), worker.now))
    worker.push(1, 1)
    worker.work()
    assert [s.disordered for s in worker.engine.state.sources] == [0, 1, 0]
    assert [s.events for s in worker.engine.state.sources] == [1, 1, 0]
    assert worker.engine.state.clock == at(9)


@pytest.mark.parametrize(
    "item",
    [
        Item("usage", at(1), raw=b"x" * 1_000_000),
        Item("usage", at(1), raw=b"x", headers=(("trace", b"x" * 1_000_000),)),
        Item("usage", at(1), raw=b"x", headers=(("\0" * 300_000, b"x"),)),
        Item("usage", at(1), raw=b"x", headers=(("ebbline-retried-from", b"x" * 1_000_000),)),
    ],
    ids=["value", "header", "name", "origin"],
)
def test_a_letter_fits_into_a_record_whatever_it_is_about(item: Item) -> None:
    (output,) = [o for o in run(item).outputs if o.topic == "deadletter"]
    assert len(output.value) < 10_000
    (letter,) = run(item).letters().values()
    assert letter["omitted"]
    assert (letter["value_base64"], letter["headers"]) == (None, [])
    assert (letter["offset"], letter["reason"]) == (0, "not-json")


def test_a_letter_that_just_fits_holds_its_record() -> None:
    item = Item("usage", at(1), raw=b"x" * 650_000)
    (letter,) = run(item).letters().values()
    assert not letter["omitted"]
    assert base64.b64decode(letter["value_base64"]) == item.raw
