"""Sending output records and waiting until the broker has them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from models.engine.requests import Output
from streams.config import TopicNames
from streams.patience import KAFKA_AWAY, patiently
from streams.telemetry.metrics import Metrics


class Producer(Protocol):
    """The part of Faust's producer that is used."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
    ) -> Awaitable[Any]:
        """Put a record into the producer's buffer; the answer completes when it is kept."""


class Outputs:
    """Sends records by the role of their topic."""

    def __init__(self, producer: Producer, topics: TopicNames, metrics: Metrics) -> None:
        self._producer = producer
        self._topics = topics
        self._metrics = metrics

    async def send(self, outputs: Sequence[Output]) -> None:
        """Send all and return when all are acknowledged.

        What is not acknowledged is sent again; the ids in the records make repeats recognisable.
        """
        waiting = list(outputs)

        async def attempt() -> None:
            futures = [await self._put(output) for output in waiting]
            results = await asyncio.gather(*futures, return_exceptions=True)
            errors = [r for r in results if isinstance(r, BaseException)]
            waiting[:] = [
                output
                for output, result in zip(waiting, results, strict=True)
                if isinstance(result, BaseException)
            ]
            if errors:
                raise errors[0]

        await patiently(attempt, KAFKA_AWAY, "kafka", self._metrics)
        for output in outputs:
            self._metrics.outputs.labels(output.topic).inc()

    async def _put(self, output: Output) -> Awaitable[Any]:
        topic: str = getattr(self._topics, output.topic)
        return await self._producer.send(topic, output.key, output.value, None, None, None)
