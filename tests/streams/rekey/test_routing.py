"""Where copies go: every record somewhere, every user's in one place, in the order of arrival."""

from __future__ import annotations

from typing import NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from models.engine.merge import Merger
from models.grid import NEVER
from models.spec import SourceSpec
from schemas.events import decode_batch, decode_users
from schemas.mapping import SourceMapping, TimeMapping
from schemas.murmur2 import partition_of
from schemas.rekeying import own_headers, read_origins
from streams.rekey.routing import Copy, Router, read_chunk

NOW = 10**15
MAPPING = SourceMapping(user=("who", "id"), time=TimeMapping(("at",), "ms"))
SOURCE = SourceSpec("orders", "shop.orders", MAPPING, rekeyed_topic="copies")
BEAT = [("ebbline-heartbeat", b"1")]


class Raw(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def raw(offset: int, timestamp: int, user: object, headers: list[tuple[str, bytes]] | None = None):
    value = orjson.dumps({"who": {"id": user}, "at": 10**12})
    return Raw(offset, timestamp, b"order", value, headers or [])


def route(lanes: list[list[Raw]], partitions: int = 3) -> list[list[Copy]]:
    merger = Merger(len(lanes))
    for lane, raws in enumerate(lanes):
        if raws:
            merger.push(lane, read_chunk(SOURCE, raws, NEVER, NOW))
    merged = merger.take([False] * len(lanes), 10**6)
    assert merged is not None
    return Router(SOURCE, len(lanes), partitions).route(merged, NOW)


def test_a_copy_is_the_record_keyed_by_its_user() -> None:
    [copies] = route([[], [raw(41, 5, 12, [("trace", b"t")])]], partitions=1)
    [copy] = copies
    assert (copy.timestamp, copy.key) == (5, b"12")
    assert copy.value == raw(41, 5, 12).value
    assert own_headers(copy.headers) == [("trace", b"t")]
    assert copy.headers[-1] == ("ebbline-rekeyed-from", b"shop.orders-1-41")


def test_a_heartbeat_goes_everywhere_and_says_how_many_it_takes() -> None:
    into = route([[Raw(7, 5, None, b'{"at": 1}', BEAT)], []])
    for copies in into:
        origins = read_origins([copy.headers for copy in copies])
        assert (origins.partitions[0], origins.offsets[0], origins.of[0]) == (0, 7, 2)
        assert own_headers(copies[0].headers) == BEAT


def test_what_names_nobody_goes_where_its_partition_says_with_its_own_key() -> None:
    bad = [raw(n, n, None) for n in range(2)] + [Raw(2, 2, b"order", None, [])]
    into = route([[], [], [], [], bad])
    assert [len(copies) for copies in into] == [0, 3, 0]
    assert {copy.key for copy in into[1]} == {b"order"}


def test_a_request_to_forget_goes_to_its_users_partition() -> None:
    into = route([[Raw(0, 0, None, None, [("ebbline-forget", b"u-1")])]])
    assert [len(copies) for copies in into] == [n == partition_of(b"u-1", 3) for n in range(3)]


def test_timestamps_that_no_broker_takes_are_moved() -> None:
    [copies] = route([[raw(0, -1, "a"), raw(1, 10**16, "a")]], partitions=1)
    assert [copy.timestamp for copy in copies] == [0, NOW // 1000]


LANES = st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), max_size=8), min_size=1)


@given(LANES.filter(any), st.integers(1, 4))
def test_every_record_is_copied_once_in_the_order_of_arrival(
    lanes: list[list[tuple[int, int]]], partitions: int
) -> None:
    raws = []
    for lane in lanes:
        stamps = [sum(step for step, _ in lane[: n + 1]) for n in range(len(lane))]
        raws.append(
            [raw(n, t, f"u{u}") for n, (t, (_, u)) in enumerate(zip(stamps, lane, strict=True))]
        )
    into = route(raws, partitions)
    seen = []
    for partition, copies in enumerate(into):
        assert [c.timestamp for c in copies] == sorted(c.timestamp for c in copies)
        assert {partition_of(c.key or b"", partitions) for c in copies} <= {partition}
        found = read_origins([copy.headers for copy in copies])
        places = list(zip(found.partitions.tolist(), found.offsets.tolist(), strict=True))
        for original in range(len(lanes)):
            offsets = [offset for at, offset in places if at == original]
            assert offsets == sorted(offsets)
        seen += places
    assert sorted(seen) == [(q, r.offset) for q, lane in enumerate(raws) for r in lane]


VALUES = st.one_of(
    st.none(),
    st.binary(max_size=20),
    st.recursive(
        st.none() | st.integers(-99, 99) | st.floats() | st.text(max_size=4) | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["who", "id", "at", "x"]), inner, max_size=3)
        ),
        max_leaves=6,
    ).map(orjson.dumps),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["ebbline-heartbeat", "ebbline-forget", "x"]),
        st.none() | st.binary(max_size=3),
    ),
    max_size=2,
)


@given(st.lists(st.tuples(VALUES, HEADERS), max_size=6))
def test_users_are_read_as_scoring_reads_them(records: list[tuple[bytes | None, list]]) -> None:
    values, headers = [value for value, _ in records], [some for _, some in records]
    users, whole = decode_users(MAPPING, values, headers), decode_batch(MAPPING, values, headers)
    for i in range(len(records)):
        if i in whole.forgets:
            assert users.users[i] == whole.forgets[i]
        elif whole.users[i] is not None:
            assert users.users[i] == whole.users[i]
        if i in users.rejects:
            assert users.rejects[i] == whole.rejects[i]
        if whole.heartbeat[i]:
            assert users.heartbeat[i]
