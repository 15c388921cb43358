"""Requests to forget users, put on the sources' topics.

The state has one writer, the worker that owns the user's partition, and keeps the user in memory:
whoever deleted keys behind its back would see them written again. So the request goes to it as a
record: on every source's topic, in the user's partition, a tombstone with a header. Wherever a
topic is read from its beginning again, the request is met again too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from schemas.controls import FORGET_HEADER
from schemas.murmur2 import partition_of
from streams.config import Config
from streams.topics.reading import partitions

ACKNOWLEDGED_S = 30


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was sent. places: topic to its offset there; empty topics get none."""

    user: str
    partition: int
    places: Mapping[str, int]


def home(config: Config, consumer: Any, user: str) -> int:
    """The user's partition."""
    return partition_of(user.encode(), len(partitions(consumer, config.input_topics[0])))


def ask(
    config: Config, consumer: Any, producer: Any, user: str, partition: int, timestamp_ms: int
) -> Request:
    """Send the request and return when it is kept.

    timestamp_ms: the arrival time to give it; not later than what has arrived on an arrival
    clock, or the request would move that clock.
    """
    places = [TopicPartition(topic, partition) for topic in config.input_topics]
    ends = consumer.end_offsets(places)
    sent = {
        place.topic: producer.send(
            place.topic,
            key=user.encode(),
            value=None,
            headers=[(FORGET_HEADER, user.encode())],
            partition=partition,
            timestamp_ms=timestamp_ms,
        )
        for place in places
        if ends[place] > 0
    }
    producer.flush()
    kept = {topic: future.get(ACKNOWLEDGED_S).offset for topic, future in sent.items()}
    return Request(user, partition, kept)
