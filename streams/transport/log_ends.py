"""Where topic partitions end: asked over a connection of its own.

On the connection that fetches, a question waits behind a fetch that finds nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.connections import Connections
from streams.patience import KAFKA_AWAY, patiently
from streams.telemetry.metrics import Metrics

Place = tuple[str, int]
Question = Callable[[list[TopicPartition]], Awaitable[Any]]


class LogEnds:
    """Asks the broker; waits while it is away. Made by :func:`asking`."""

    def __init__(self, consumer: AIOKafkaConsumer, metrics: Metrics) -> None:
        self._consumer = consumer
        self._metrics = metrics

    async def of(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offset behind the last record of each topic partition."""
        return await self._ask(self._consumer.end_offsets, places)

    async def starts(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offset of the first record that each topic partition still holds."""
        return await self._ask(self._consumer.beginning_offsets, places)

    async def _ask(self, question: Question, places: Sequence[Place]) -> dict[Place, int]:
        wanted = [TopicPartition(topic, number) for topic, number in places]
        ask = partial(question, wanted)
        answer = await patiently(ask, KAFKA_AWAY, "kafka", self._metrics)
        return {(place.topic, place.partition): int(offset) for place, offset in answer.items()}


@asynccontextmanager
async def asking(connections: Connections, metrics: Metrics) -> AsyncIterator[LogEnds]:
    """A client for these questions alone; it joins no group and fetches nothing."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **connections.aiokafka())
    await consumer.start()
    try:
        yield LogEnds(consumer, metrics)
    finally:
        await consumer.stop()
