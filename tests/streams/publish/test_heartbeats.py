"""Heartbeats: on the grid of arrival time, dated by what has surely arrived by then."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from schemas.mapping import HeartbeatMapping, SourceMapping, TimeMapping, TimeUnit
from streams.publish.arrival import Arrival, Outage
from streams.publish.heartbeats import closing, heartbeat_headers, heartbeat_value, schedule

MAPPING = SourceMapping(user=("u",), time=TimeMapping(("meta", "at"), "ms"))


def test_they_stand_on_multiples_of_the_spacing_ends_included() -> None:
    chunks = list(schedule(2, MAPPING, Arrival(), 10, 20, 45))
    assert [int(at) for c in chunks for at in c.arrivals] == [20, 30, 40]
    assert {int(s) for c in chunks for s in c.sources} == {2}
    assert all(key is None for c in chunks for key in c.keys)


def test_they_are_dated_the_delay_before_they_arrive() -> None:
    (chunk,) = schedule(0, MAPPING, Arrival(delay=4_000_000), 10_000, 1, 10_000)
    assert [orjson.loads(v) for v in chunk.values] == [{"meta": {"at": 6_000}}]


def test_an_outage_silences_them() -> None:
    arrival = Arrival(outages=(Outage(20, 40),))
    chunks = schedule(0, MAPPING, arrival, 10, 10, 50)
    assert [int(at) for c in chunks for at in c.arrivals] == [10, 40, 50]


def test_long_histories_come_in_blocks() -> None:
    chunks = list(schedule(0, MAPPING, Arrival(), 1, 0, 12_000))
    assert len(chunks) == 3
    assert [int(at) for c in chunks for at in c.arrivals] == list(range(12_001))


@pytest.mark.parametrize(
    ("unit", "written"),
    [("s", 1.5), ("ms", 1500), ("us", 1_500_000), ("rfc3339", "1970-01-01T00:00:01.500Z")],
)
def test_the_time_is_written_as_the_source_writes_it(unit: TimeUnit, written: object) -> None:
    mapping = replace(MAPPING, time=TimeMapping(("at",), unit))
    assert orjson.loads(heartbeat_value(mapping, 1_500_000)) == {"at": written}


def test_a_field_marks_them_where_the_source_has_one() -> None:
    mapping = replace(MAPPING, heartbeat=HeartbeatMapping(path=("meta", "beat")))
    assert orjson.loads(heartbeat_value(mapping, 0)) == {"meta": {"at": 0, "beat": True}}
    assert heartbeat_headers(mapping) == []
    assert heartbeat_headers(MAPPING) == [("ebbline-heartbeat", b"1")]


def test_closing_is_one_millisecond_behind_for_every_source() -> None:
    chunks = list(closing({0: MAPPING, 5: MAPPING}, 999))
    assert [(int(c.sources[0]), int(c.arrivals[0])) for c in chunks] == [(0, 1000), (5, 1000)]
    assert orjson.loads(chunks[0].values[0]) == {"meta": {"at": 1000}}
