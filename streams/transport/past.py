"""Topic partitions read again from any offset, by a client of its own that joins no group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.engine.requests import Kept
from streams.connections import Connections
from streams.patience import KAFKA_AWAY, patiently
from streams.telemetry.metrics import Metrics

AT_ONCE = 10_000
WAIT_MS = 500


class PastRecords:
    """Reads a few records at a time; waits while Kafka is away. Made by :func:`reading_again`."""

    def __init__(self, consumer: AIOKafkaConsumer, metrics: Metrics) -> None:
        self._consumer = consumer
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._place: TopicPartition | None = None
        self._next = 0

    async def read(self, topic: str, partition: int, after: int, until: int) -> Kept:
        """Records with after < offset <= until; none when there are no more. See ``Reread``."""
        ask = partial(self._read, TopicPartition(topic, partition), after + 1, until + 1)
        async with self._turn:
            return await patiently(ask, KAFKA_AWAY, "kafka", self._metrics)

    async def _read(self, place: TopicPartition, start: int, stop: int) -> Kept:
        first = (await self._consumer.beginning_offsets([place]))[place]
        if self._place != place or self._next != start:
            self._consumer.assign([place])
            self._place = place
            self._consumer.seek(place, max(start, first))
        self._next = -1
        while await self._consumer.position(place) < stop:
            found = await self._consumer.getmany(place, timeout_ms=WAIT_MS, max_records=AT_ONCE)
            records = [r for r in found.get(place, ()) if start <= r.offset < stop]
            if records:
                self._next = records[-1].offset + 1
                return Kept(first, records)
        return Kept(first, [])


@asynccontextmanager
async def reading_again(connections: Connections, metrics: Metrics) -> AsyncIterator[PastRecords]:
    """A client that fetches nothing until it is asked."""
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", **connections.aiokafka()
    )
    await consumer.start()
    try:
        yield PastRecords(consumer, metrics)
    finally:
        await consumer.stop()
