"""Reading a topic from outside, without a group: up to its present end, or its last records."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kafka import TopicPartition

IDLE_S = 30.0


class TopicNotReadable(RuntimeError):
    """The topic does not exist, or its records stopped coming before the end was reached."""


def partitions(consumer: Any, topic: str) -> list[Any]:
    """All partitions of a topic; raises TopicNotReadable when there are none."""
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise TopicNotReadable(
            f"topic {topic} does not exist, or this user may not DESCRIBE it. "
            "Run: ebbline topics check."
        )
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def ends(consumer: Any, topics: Iterable[str]) -> dict[Any, int]:
    """Present end offset by TopicPartition."""
    wanted = [tp for topic in topics for tp in partitions(consumer, topic)]
    return dict(consumer.end_offsets(wanted))


def read_until(consumer: Any, until: Mapping[Any, int]) -> Iterator[Any]:
    """Every record from the first one that is kept up to the offsets given, exclusive."""
    consumer.assign(list(until))
    consumer.seek_to_beginning(*until)
    yield from _read_on(consumer, until)


def read_tail(consumer: Any, until: Mapping[Any, int], records: int) -> Iterator[Any]:
    """The newest records before the offsets given, at most so many of each partition."""
    seek_to_tail(consumer, until, records)
    yield from _read_on(consumer, until)


def _read_on(consumer: Any, until: Mapping[Any, int]) -> Iterator[Any]:
    last = time.monotonic()
    while any(consumer.position(tp) < end for tp, end in until.items()):
        batches = consumer.poll(timeout_ms=500)
        if batches:
            last = time.monotonic()
        elif time.monotonic() - last > IDLE_S:
            raise TopicNotReadable(f"no records came for {IDLE_S:g} s; is the broker reachable?")
        for tp, records in batches.items():
            yield from (record for record in records if record.offset < until[tp])


def seek_to_tail(consumer: Any, until: Mapping[Any, int], records: int) -> None:
    """Assign the partitions, at most ``records`` before the offsets given."""
    consumer.assign(list(until))
    firsts = consumer.beginning_offsets(list(until))
    for tp, end in until.items():
        consumer.seek(tp, max(firsts[tp], end - records))
