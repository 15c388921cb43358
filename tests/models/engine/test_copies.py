"""Repeated copies change nothing, whoever made them; heartbeats speak for their own partition."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine.copies import Lanes, hear, look
from models.engine.state import PartitionState, SourceState
from models.grid import NEVER
from schemas.rekeying import Origins, copy_headers, heartbeat_headers, own_headers, read_origins
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.story import EAGER, Item, Raw, beat, event, topics

Place = tuple[int, int]


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Place], list[Place]]:
    """What one internal partition should hold, and a log that several copiers wrote of it.

    Each begins at or before what was reached, goes on for as long as it likes (also when another
    one has begun: it is a zombie then), and skips nothing; some die for good.
    """
    counts = draw(st.lists(st.integers(0, 12), min_size=1, max_size=3))
    places = [(lane, 7 * n + lane) for lane, count in enumerate(counts) for n in range(count)]
    truth = sorted(places, key=lambda place: (place[1], place[0]))
    log: list[Place] = []
    writers, reached = [0], 0
    for _ in range(draw(st.integers(0, 40))):
        if draw(st.integers(0, 4)) == 0:
            writers.append(draw(st.integers(0, reached)))
        who = draw(st.integers(0, len(writers) - 1))
        size = draw(st.integers(1, 4))
        log += truth[writers[who] : writers[who] + size]
        writers[who] = min(len(truth), writers[who] + size)
        reached = max(reached, writers[who])
    return truth, log + truth[writers[-1] :] if writers[-1] <= reached else log


def origins(places: list[Place]) -> Origins:
    return read_origins([copy_headers([], "a-topic-9", *place) for place in places])


@given(logs(), st.data())
def test_of_what_any_copiers_append_each_record_is_taken_once_and_in_order(
    written: tuple[list[Place], list[Place]], data: st.DataObject
) -> None:
    truth, log = written
    state, taken, at = PartitionState([SourceState()]), [], 0
    while at < len(log):
        part = log[at : at + data.draw(st.integers(1, 9))]
        copies = look(state.sources[0].lanes, origins(part))
        taken += [place for place, again in zip(part, copies.repeated, strict=True) if not again]
        state.sources[0].lanes = copies.lanes
        state = PartitionState.decode(state.encode())
        at += len(part)
    assert taken == truth[: len(taken)]
    assert set(taken) == set(log)
    assert state.sources[0].lanes.repeats == len(log) - len(taken)


def test_looking_leaves_what_was_known_as_it_was() -> None:
    lanes = look(Lanes(), origins([(1, 5)])).lanes
    before = replace(lanes, offsets=[*lanes.offsets], beats=[*lanes.beats])
    look(lanes, origins([(0, 3), (1, 5), (4, 0)]))
    assert lanes == before
    assert lanes.offsets == [-1, 5]


def test_the_source_is_at_the_oldest_of_its_partitions_newest_heartbeats() -> None:
    heard = [(0, 50), (1, 40), (2, 45), (1, 60), (0, 48), (2, 70)]
    found = read_origins(
        [heartbeat_headers([], "t", lane, n, 3) for n, (lane, _) in enumerate(heard)]
    )
    times, reached, lanes = np.array([time for _, time in heard]), [], Lanes()
    for n in range(len(heard)):
        one = found.part(n, n + 1)
        lanes = look(lanes, one).lanes
        reached += hear(lanes, one, times[n : n + 1], np.array([True])).tolist()
    assert reached == [NEVER, NEVER, 40, 45, 45, 50]
    lanes = look(Lanes(), found).lanes
    at_once = hear(lanes, found, times, np.ones(len(times), dtype=np.bool_))
    assert at_once.tolist() == reached


def test_a_heartbeat_that_was_not_copied_speaks_for_itself() -> None:
    found = read_origins([[("ebbline-heartbeat", b"1")]])
    reached = hear(look(Lanes(), found).lanes, found, np.array([9]), np.array([True]))
    assert reached.tolist() == [9]


@pytest.mark.parametrize(
    "value", [b"", b"t-1", b"t-x-2", b"t-1-2-", b"t--1-2", b"t-1-99999999999999999999", None]
)
def test_what_is_no_origin_is_no_copy(value: bytes | None) -> None:
    found = read_origins([[("ebbline-rekeyed-from", value)]])
    assert (found.partitions[0], found.offsets[0]) == (-1, -1) or value == b"t--1-2"


@given(st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3), st.booleans())
def test_a_copys_headers_give_back_the_originals(
    headers: list[tuple[str, bytes]], heartbeat: bool
) -> None:
    if heartbeat:
        copied = heartbeat_headers(headers, "a-b", 3, 17, 5)
    else:
        copied = copy_headers(headers, "a-b", 3, 17)
    found = read_origins([copied])
    where = (int(found.partitions[0]), int(found.offsets[0]), int(found.of[0]))
    assert where == (3, 17, 5 if heartbeat else 0)
    if not heartbeat and headers and headers[-1][0] == "ebbline-rekeyed-of":
        return  # nobody's header but ours
    assert own_headers(copied) == headers


# --- the engine on copies ----------------------------------------------------------------------

COPIED = replace(
    EAGER, sources=tuple(replace(s, rekeyed_topic=f"copies.{s.name}") for s in EAGER.sources)
)


def copied(topic: list[Raw], rng: random.Random) -> list[Raw]:
    """Copies of a topic with one partition, with runs of repeats as crashes make them."""
    order = list(range(len(topic)))
    for _ in range(rng.randint(0, 3)):
        if order:
            at = rng.randint(1, len(order))
            back = rng.randint(0, order[at - 1])
            order[at:at] = range(back, order[at - 1] + 1)
    found = []
    for offset, i in enumerate(order):
        raw = topic[i]
        beats = any(name == "ebbline-heartbeat" for name, _ in raw.headers)
        make = heartbeat_headers(raw.headers, "t", 0, i, 1) if beats else None
        headers = make or copy_headers(raw.headers, "t", 0, i)
        found.append(replace(raw, offset=offset, headers=headers))
    return found


@given(histories(), st.integers(0, 10**6))
@examples(12)
def test_copies_with_repeats_and_crashes_give_what_the_originals_give(
    items: list[Item], seed: int
) -> None:
    rng = random.Random(seed)
    plain = Worker(EAGER, topics(EAGER, items)).run()
    copies = [copied(topic, rng) for topic in topics(EAGER, items)]
    again = Worker(COPIED, copies).run_in_pieces(rng, crash=0.2)
    assert again.scores() == plain.scores()
    assert again.examples() == plain.examples()
    assert again.letters() == plain.letters()
    for one, other in zip(again.engine.state.sources, plain.engine.state.sources, strict=True):
        assert (one.events, one.duplicates, one.late) == (
            other.events,
            other.duplicates,
            other.late,
        )
        assert (one.progress, one.disordered) == (other.progress, other.disordered)


def test_a_letter_and_a_cause_name_the_originals_place() -> None:
    good = event("usage", 1, "a", 1)
    bad = Item("usage", good.stamp, "a", raw=b"{}", headers=(("trace", b"x"),))
    raws = topics(COPIED, [good, bad, good, bad, beat("usage", 2)])[0]
    origins_of = [100, 101, 100, 101, 102]  # the first two come again
    placed = [
        replace(raw, headers=copy_headers(raw.headers, "t.usage", 4, origin))
        for raw, origin in zip(raws, origins_of, strict=True)
    ]
    worker = Worker(COPIED, [placed, [], []])
    worker.run()
    [letter] = worker.letters().values()
    assert (letter["id"], letter["partition"], letter["offset"]) == ("t.usage-4-101", 4, 101)
    assert letter["headers"] == [["trace", "eA=="]]
    causes = [score["cause"] for score in worker.scores().values()]
    assert "event:t.usage-4-100" in causes
    state = worker.engine.state.sources[0]
    assert (state.lanes.repeats, sum(state.rejected.values()), state.events) == (2, 1, 1)
    assert len(worker.sent("deadletter")) == 1


def test_an_older_partition_record_without_lanes_is_read() -> None:
    content = orjson.loads(PartitionState([SourceState()]).encode())
    del content["record"]["sources"][0]["lanes"]
    assert PartitionState.decode(orjson.dumps(content)).sources[0].lanes == Lanes()
