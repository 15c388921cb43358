"""The bench's own look at Kafka: topics made, events put on them, outputs counted and read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from bench.job.events import Event, home

BATCH_BYTES = 512 * 1024
HISTORY = {"retention.ms": "-1"}
"""Record timestamps are event times years ago: without this the broker deletes them."""
STAMPED = {"message.timestamp.type": "LogAppendTime"}
"""The broker says when it appended an output, on one clock for all contenders."""


@dataclass(frozen=True, slots=True)
class Record:
    """An output. appended: when the broker appended it, seconds since the epoch."""

    value: bytes
    appended: float


class Kafka:
    """Topics of one run of the bench; all that were made here are deleted again."""

    def __init__(self, servers: str, partitions: int) -> None:
        self.servers = servers
        self.partitions = partitions
        self._admin = KafkaAdminClient(bootstrap_servers=servers)
        self._consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
        self._made: list[str] = []

    def __enter__(self) -> Self:
        """Open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the topics and let go."""
        self.delete(self._made)
        self._consumer.close()
        self._admin.close()

    def create(
        self, names: Iterable[str], configs: Mapping[str, str], partitions: int | None = None
    ) -> None:
        """Make topics, and wait until they can be used."""
        options = {
            "num_partitions": partitions or self.partitions,
            "replication_factor": 1,
            "configs": dict(configs),
        }
        wanted = list(names)
        self._admin.create_topics(dict.fromkeys(wanted, options), wait_for_metadata=True)
        self._made += wanted

    def delete(self, names: Iterable[str]) -> None:
        """Delete topics made here."""
        gone = list(names)
        if gone:
            self._admin.delete_topics(gone)
            self._made = [name for name in self._made if name not in gone]

    def delete_of(self, prefix: str) -> None:
        """Delete topics by the beginning of their name: those that a contender made itself."""
        names = [name for name in self._admin.list_topics() if name.startswith(prefix)]
        self.delete(names)

    def ends(self, topic: str) -> int:
        """How many records a topic holds."""
        return sum(self._consumer.end_offsets(self._places(topic)).values())

    def read(self, topic: str) -> list[Record]:
        """All records of a topic up to its present end."""
        places = self._places(topic)
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)
        ends = self._consumer.end_offsets(places)
        found: list[Record] = []
        while any(self._consumer.position(place) < ends[place] for place in places):
            for records in self._consumer.poll(timeout_ms=500, max_records=5000).values():
                found += [Record(r.value, r.timestamp / 1000) for r in records]
        return found

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Put one record on partition 0."""
        rows = {(topic, 0): [(key, value, None)]}
        asyncio.run(_send(self.servers, rows))

    def produce(self, topics: Mapping[str, str], events: Sequence[Event]) -> None:
        """Put events on the topics of their sources, in order, at their event times."""
        rows: dict[tuple[str, int], list[tuple[bytes, bytes, int | None]]] = {}
        for event in events:
            place = (topics[event.source], home(event.user, self.partitions))
            rows.setdefault(place, []).append((event.user.encode(), event.json(), event.at))
        asyncio.run(_send(self.servers, rows))

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for n in self._consumer.partitions_for_topic(topic) or ()]


async def _send(
    servers: str, rows: Mapping[tuple[str, int], Sequence[tuple[bytes, bytes, int | None]]]
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    try:
        for (topic, partition), records in rows.items():
            await _send_all(producer, topic, partition, records)
    finally:
        await producer.stop()


async def _send_all(
    producer: Any,
    topic: str,
    partition: int,
    records: Sequence[tuple[bytes, bytes, int | None]],
) -> None:
    """Whole batches: records one by one would take longer than the contenders do."""
    sent = []
    batch = producer.create_batch()
    for key, value, at in records:
        if batch.append(timestamp=at, key=key, value=value) is None:
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=at, key=key, value=value)
    batch.close()
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)
