"""Where topic partitions end: asked over a connection of its own.

On the connection that fetches, a question waits behind a fetch that finds nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.connections import Connections


class LogEnds:
    """Asks the broker. Made by :func:`asking`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def of(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offset behind the last record of each topic partition."""
        wanted = [TopicPartition(topic, number) for topic, number in places]
        ends = await self._consumer.end_offsets(wanted)
        return {(place.topic, place.partition): int(end) for place, end in ends.items()}

    async def starts(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offset of the first record that each topic partition still holds."""
        wanted = [TopicPartition(topic, number) for topic, number in places]
        starts = await self._consumer.beginning_offsets(wanted)
        return {(place.topic, place.partition): int(start) for place, start in starts.items()}


@asynccontextmanager
async def asking(connections: Connections) -> AsyncIterator[LogEnds]:
    """A client for these questions alone; it joins no group and fetches nothing."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **connections.aiokafka())
    await consumer.start()
    try:
        yield LogEnds(consumer)
    finally:
        await consumer.stop()
