"""Topics as a stranger sees them: read and written with kafka-python, no group, no framework."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.faults.history import Sent, value_of

HEARTBEAT = "ebbline-heartbeat"


def produce(servers: str, app: str, sent: Iterable[Sent]) -> None:
    """Put records on their topics one after the other: acknowledged when it returns."""
    producer = KafkaProducer(
        bootstrap_servers=servers, linger_ms=0, max_in_flight_requests_per_connection=1
    )
    for one in sent:
        item = one.item
        producer.send(
            f"{app}.{item.source}",
            key=None if item.beat else (item.user or "nobody").encode(),
            value=value_of(item),
            partition=one.partition,
            timestamp_ms=item.stamp // 1000,
            headers=[(HEARTBEAT, b"1")] if item.beat else [],
        )
    producer.flush()
    producer.close()


def await_leaders(servers: str, topics: Iterable[str]) -> None:
    """Wait until every partition has a leader: what one refuses comes later than what others take.

    A broker that is back gets to lead its partitions one by one.
    """
    consumer = KafkaConsumer(bootstrap_servers=servers)
    try:
        consumer.end_offsets(
            [TopicPartition(t, n) for t in topics for n in consumer.partitions_for_topic(t) or ()]
        )
    finally:
        consumer.close()


def read(servers: str, topics: Sequence[str]) -> dict[str, list[Any]]:
    """All records of topics, each topic's by partition, then offset."""
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    try:
        places = [
            TopicPartition(topic, n)
            for topic in topics
            for n in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: dict[str, list[Any]] = {topic: [] for topic in topics}
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(500).items():
                found[place.topic] += records
    finally:
        consumer.close()
    return {
        topic: sorted(records, key=lambda r: (r.partition, r.offset))
        for topic, records in found.items()
    }


def contents(records: Iterable[Any]) -> list[dict[str, Any]]:
    """The values of records of our own, which are JSON objects."""
    return [orjson.loads(record.value) for record in records]
