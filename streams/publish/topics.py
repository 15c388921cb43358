"""The topics to publish to, as they are: how many partitions, and whether something is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from streams.connections import Connections
from streams.topics.clients import connect, opened


class MissingTopics(RuntimeError):
    """Topics to publish to that don't exist."""


@dataclass(frozen=True, slots=True)
class Target:
    """A topic: its partitions (0 … n - 1), and how many records it holds now."""

    partitions: int
    records: int


def look(connections: Connections, topics: Iterable[str]) -> dict[str, Target]:
    """Ask the cluster. Raises MissingTopics, KafkaUnreachable."""
    wanted = list(dict.fromkeys(topics))
    with opened(connect(connections).consumer()) as consumer:
        there = consumer.topics()
        missing = [topic for topic in wanted if topic not in there]
        if missing:
            raise MissingTopics(
                f"no such topic: {', '.join(missing)}. Create what the configuration names: "
                "ebbline topics create."
            )
        return {topic: _target(consumer, topic) for topic in wanted}


def _target(consumer: Any, topic: str) -> Target:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    where = [TopicPartition(topic, number) for number in numbers]
    ends = consumer.end_offsets(where)
    starts = consumer.beginning_offsets(where)
    return Target(len(numbers), sum(ends.values()) - sum(starts.values()))
