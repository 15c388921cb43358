"""Sending output records and waiting until the broker has them.

Records go out in batches that are filled here, one wait for each: aiokafka's `send` costs 20 to
30 µs and a future for every record, its batches 2 µs (docs/decisions/008).
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Any, Protocol

from models.engine.requests import Output
from schemas.murmur2 import partition_of
from streams.config import TopicNames
from streams.patience import KAFKA_AWAY, patiently
from streams.telemetry.metrics import Metrics

KEYS_REMEMBERED = 100_000

Place = tuple[str, int]
"""A topic and a partition of it."""


class Producer(Protocol):
    """The part of aiokafka's producer that is used; it is idempotent, every replica answers."""

    async def partitions_for(self, topic: str) -> set[int]:
        """Partitions of a topic."""

    def create_batch(self) -> Any:
        """An empty batch. Its ``append`` answers None where a record does not fit any more."""

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Any]:
        """Hand a batch over; the answer completes when it is kept."""


class Outputs:
    """Sends records by the role of their topic."""

    def __init__(self, producer: Producer, topics: TopicNames, metrics: Metrics) -> None:
        self._producer = producer
        self._topics = topics
        self._metrics = metrics
        self._partition_of = lru_cache(KEYS_REMEMBERED)(partition_of)

    async def send(self, outputs: Sequence[Output]) -> None:
        """Send all and return when all are acknowledged.

        What is not acknowledged is sent again; the ids in the records make repeats recognisable.
        Records of one key stay in their order, also then.
        """
        waiting: dict[Place, list[Output]] = {}

        async def attempt() -> None:
            if not waiting:
                waiting.update(await self._by_place(outputs))
            parts = [self._send_part(place, part) for place, part in waiting.items()]
            for result in await asyncio.gather(*parts, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

        if not outputs:
            return
        await patiently(attempt, KAFKA_AWAY, "kafka", self._metrics)
        for topic, count in Counter(output.topic for output in outputs).items():
            self._metrics.outputs.labels(topic).inc(count)

    async def _by_place(self, outputs: Sequence[Output]) -> dict[Place, list[Output]]:
        """Outputs by the topic partition that the default partitioner puts their keys in."""
        names = {role: getattr(self._topics, role) for role in {o.topic for o in outputs}}
        counts = {role: len(await self._producer.partitions_for(names[role])) for role in names}
        found: dict[Place, list[Output]] = defaultdict(list)
        for output in outputs:
            partition = self._partition_of(output.key, counts[output.topic])
            found[names[output.topic], partition].append(output)
        return found

    async def _send_part(self, place: Place, part: list[Output]) -> None:
        """Send one topic partition's outputs batch by batch; what is acknowledged leaves ``part``.

        A batch waits for the one before it, so that a failure cannot change their order.
        """
        topic, partition = place
        while part:
            batch = self._producer.create_batch()
            count = _fill(batch, part)
            await (await self._producer.send_batch(batch, topic, partition=partition))
            del part[:count]


def _fill(batch: Any, outputs: Sequence[Output]) -> int:
    """Put records into a batch as long as they fit (the first one always does). Returns how many.

    The batch is closed: an open one would wait for more (linger).
    """
    count = 0
    for output in outputs:
        if batch.append(timestamp=None, key=output.key, value=output.value) is None:
            break
        count += 1
    batch.close()
    return count
