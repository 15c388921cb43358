"""How fast simulated time runs, and what is sent where."""

from __future__ import annotations

from schemas.murmur2 import partition_of
from schemas.times import DAY, SECOND
from streams.demo.feed import Feed, Pace
from streams.demo.simtime import START
from streams.demo.simulator import SimRecord

HISTORY, LEAD = 14 * DAY, 2 * DAY


def pace(speed: float = 1.0, end: int = START + 1000 * DAY) -> Pace:
    return Pace(START, HISTORY, speed, LEAD, end)


def test_history_is_there_at_once_and_time_stands_until_scores_come():
    it = pace()
    assert it.next(0.0, None) == START + HISTORY
    assert it.next(30.0, None) == START + HISTORY
    assert it.waiting


def test_time_runs_at_its_speed_once_the_worker_has_caught_up():
    it = pace(speed=0.5)
    it.next(0.0, None)
    assert it.next(10.0, START + HISTORY) == START + HISTORY + LEAD  # not all the 10 s at once
    assert it.next(12.0, START + HISTORY + LEAD) == START + HISTORY + LEAD + DAY
    assert not it.waiting


def test_time_waits_for_a_slow_worker_and_never_runs_back():
    it = pace()
    scored = START + 5 * DAY
    times = [it.next(wall, scored) for wall in (0.0, 1.0, 2.0)]
    assert times == [START + HISTORY] * 3
    assert it.waiting


def test_time_never_passes_the_present():
    it = pace(end=START + HISTORY + DAY)
    it.next(0.0, None)
    assert it.next(50.0, START + HISTORY) == START + HISTORY + DAY
    assert it.over


class Producer:
    def __init__(self):
        self.sent = []

    def send(self, topic, **record):
        self.sent.append((topic, record))


def test_a_record_goes_where_murmur2_says_with_its_arrival_as_timestamp():
    producer = Producer()
    record = SimRecord("usage", "u-00007", START, START + 5 * SECOND, b"{}")
    Feed(producer, {"usage": "t.usage"}, 4).send([record])
    [(topic, sent)] = producer.sent
    assert topic == "t.usage"
    assert sent == {
        "key": b"u-00007",
        "value": b"{}",
        "headers": [],
        "partition": partition_of(b"u-00007", 4),
        "timestamp_ms": (START + 5 * SECOND) // 1000,
    }


def test_a_heartbeat_goes_to_every_partition_without_a_key():
    producer = Producer()
    Feed(producer, {"billing": "b"}, 3).send([SimRecord("billing", None, START, START, b"{}")])
    assert [sent["partition"] for _, sent in producer.sent] == [0, 1, 2]
    assert {sent["key"] for _, sent in producer.sent} == {None}
    assert all(sent["headers"][0][0] == "ebbline-heartbeat" for _, sent in producer.sent)
