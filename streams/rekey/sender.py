"""Appending copies to the internal topic: at each of its partitions one batch after the other.

The next batch is sent when the one before it has been acknowledged, and what failed is sent again
before anything else. So a partition's log never has a later copy without the earlier ones, which
is what the scoring side's recognition of repeats rests on (docs/decisions/010-rekeying.md). No
producer id is needed for it: a repeat is dropped there, whoever made it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from streams.connections import Connections
from streams.patience import KAFKA_AWAY, patiently
from streams.rekey.routing import Copy
from streams.supervision import Fatal
from streams.telemetry.metrics import Metrics

BATCH_BYTES = 512 * 1024
LARGEST_REQUEST = 64 * 1024 * 1024
"""What a record may have is the broker's decision, not ours."""


@asynccontextmanager
async def producing(connections: Connections) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for the copies alone."""
    producer = AIOKafkaProducer(
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=LARGEST_REQUEST,
        request_timeout_ms=60_000,
        **connections.aiokafka(),
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


class CopySender:
    """Appends to one internal topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, metrics: Metrics) -> None:
        self._producer = producer
        self._topic = topic
        self._metrics = metrics

    async def partitions(self) -> int:
        """How many partitions the internal topic has."""
        return len(await self._producer.partitions_for(self._topic))

    async def send(self, copies: Sequence[Sequence[Copy]]) -> None:
        """Append copies (for each partition) and return when all are acknowledged."""
        await asyncio.gather(*(self._append(p, some) for p, some in enumerate(copies) if some))

    async def _append(self, partition: int, copies: Sequence[Copy]) -> None:
        done = 0

        async def attempt() -> int:
            return await self._append_batch(partition, copies, done)

        while done < len(copies):
            done += await patiently(attempt, KAFKA_AWAY, "kafka", self._metrics)

    async def _append_batch(self, partition: int, copies: Sequence[Copy], start: int) -> int:
        """Send as many as one batch takes; how many."""
        batch, count = self._producer.create_batch(), 0
        for timestamp, key, value, headers in islice(copies, start, None):
            added = batch.append(timestamp=timestamp, key=key, value=value, headers=headers)
            if added is None:
                break
            count += 1
        try:
            await (await self._producer.send_batch(batch, self._topic, partition=partition))
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise Fatal(
                f"topic {self._topic} does not take a copy of {batch.size()} bytes: raise its "
                "max.message.bytes above that of the topic that is copied"
            ) from error
        return count
