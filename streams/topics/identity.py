"""Which topics these are: their ids and numbers of partitions, asked for while running.

An offset means something only together with the topic it was counted in: one that was deleted and
created again has another id, whatever its name and length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from streams.connections import Connections
from streams.patience import patiently
from streams.telemetry.metrics import Metrics
from streams.topics.admin import existing
from streams.topics.clients import NO_ANSWER, KafkaClients, KafkaUnreachable, connect, opened
from streams.topics.cluster import TopicState

AWAY = (KafkaUnreachable, *NO_ANSWER)


class TopicIdentities:
    """Asks the broker what the topics are now."""

    def __init__(self, connections: Connections, topics: Sequence[str], metrics: Metrics) -> None:
        self._connections = connections
        self._topics = topics
        self._metrics = metrics
        self._clients: KafkaClients | None = None
        self._known: Mapping[str, TopicState] = {}

    async def now(self) -> Mapping[str, TopicState]:
        """Those of the topics that exist; waits while the broker is away."""
        self._known = await patiently(self._once, AWAY, "kafka", self._metrics)
        return self._known

    async def changed(self) -> str | None:
        """Name of a topic that is not what ``now`` said last; raises one of AWAY."""
        known = self._known
        seen = await self._once()
        return next((name for name, topic in known.items() if seen.get(name) != topic), None)

    async def _once(self) -> Mapping[str, TopicState]:
        return await asyncio.to_thread(self._ask)

    def _ask(self) -> Mapping[str, TopicState]:
        if self._clients is None:
            self._clients = connect(self._connections)
        with opened(self._clients.admin()) as admin:
            return existing(admin, self._topics)
