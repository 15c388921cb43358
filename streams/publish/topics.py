"""The topics to publish to, as they are: how many partitions, and whether something is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from streams.connections import Connections
from streams.topics.clients import connect, opened
from streams.topics.reading import partitions


@dataclass(frozen=True, slots=True)
class Target:
    """A topic: its partitions (0 … n - 1), and how many records it holds now."""

    partitions: int
    records: int


def look(connections: Connections, topics: Iterable[str]) -> dict[str, Target]:
    """Ask the cluster. Raises TopicNotReadable for a missing topic, KafkaUnreachable."""
    with opened(connect(connections).consumer()) as consumer:
        return {topic: _target(consumer, topic) for topic in dict.fromkeys(topics)}


def _target(consumer: Any, topic: str) -> Target:
    where = partitions(consumer, topic)
    ends, starts = consumer.end_offsets(where), consumer.beginning_offsets(where)
    return Target(len(where), sum(ends.values()) - sum(starts.values()))
