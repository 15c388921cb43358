"""How far the copying of a source is: what is not copied yet may still come to any partition.

A scoring partition that has read all of an internal topic is caught up with the SOURCE only when
everything of the original topic has been copied. Asked in this order: ends of the original, the
copying group's commits, and then (by the caller) the end of the internal topic.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from models.spec import SourceSpec
from streams.connections import Connections
from streams.rekey.names import group_of
from streams.telemetry.metrics import Metrics
from streams.transport.log_ends import LogEnds

STILL_SECONDS = 5.0
"""After so long without movement the metric ``waiting`` names the copying group."""


class CopyProgress:
    """Asks the broker. Made by :func:`following`.

    patience: seconds after which copying that doesn't move on is not waited for any more; None:
    it always is (replays: every record in its place, whatever it takes).
    """

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        ends: LogEnds,
        app: str,
        patience: float | None,
        metrics: Metrics,
    ) -> None:
        self._admin = admin
        self._ends = ends
        self._app = app
        self._patience = patience
        self._metrics = metrics
        self._partitions: dict[str, int] = {}
        self._moved: dict[str, tuple[int, float]] = {}

    async def complete(self, source: SourceSpec) -> bool:
        """Whether everything that the original topic holds now has been copied."""
        places = [(source.topic, n) for n in range(await self._count(source.topic))]
        ends = await self._ends.of(places)
        group = group_of(self._app, source)
        found = await self._admin.list_consumer_group_offsets(group)
        commits = {(place.topic, place.partition): meta.offset for place, meta in found.items()}
        behind = [p for p, end in ends.items() if end > max(0, commits.get(p, 0))]
        still = self._still(source.name, sum(commits.values())) if behind else 0.0
        self._metrics.waiting.labels(group).set(still > STILL_SECONDS)
        return not behind or (self._patience is not None and still > self._patience)

    def _still(self, source: str, copied: int) -> float:
        """Seconds for which copying has not moved on."""
        if self._moved.get(source, (-1, 0.0))[0] != copied:
            self._moved[source] = (copied, time.monotonic())
        return time.monotonic() - self._moved[source][1]

    async def _count(self, topic: str) -> int:
        if not self._partitions.get(topic):
            described = await self._admin.describe_topics([topic])
            self._partitions[topic] = len(described[0]["partitions"])
        return self._partitions[topic]


@asynccontextmanager
async def following(
    connections: Connections, ends: LogEnds, app: str, patience: float | None, metrics: Metrics
) -> AsyncIterator[CopyProgress]:
    """A client for these questions alone."""
    admin = AIOKafkaAdminClient(**connections.aiokafka())
    await admin.start()
    try:
        yield CopyProgress(admin, ends, app, patience, metrics)
    finally:
        await admin.close()
