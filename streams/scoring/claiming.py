"""What a worker does between claiming a partition and working on it: is its state usable?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from models.engine.state import PartitionState
from models.spec import Spec
from streams.patience import REDIS_AWAY, patiently
from streams.scoring.fitting import Misfit, misfit, repartitioned
from streams.state.store import PartitionStore
from streams.supervision import Fatal
from streams.telemetry.metrics import Metrics
from streams.topics.cluster import TopicState

log = structlog.get_logger(__name__)


class Inspector:
    """Reads the record of a claimed partition, and compares it with the topics as they are.

    rebuild: erase what does not fit, and what is left where there is no record.
    """

    def __init__(self, spec: Spec, metrics: Metrics, *, rebuild: bool) -> None:
        self._spec = spec
        self._metrics = metrics
        self._rebuild = rebuild

    async def usable(
        self,
        number: int,
        store: PartitionStore,
        topics: Mapping[str, TopicState],
        ends: Mapping[tuple[str, int], int],
    ) -> PartitionState | None:
        """The partition's state, None when it has none; raises Fatal, with the remedy."""
        for source in self._spec.sources:
            if source.input_topic not in topics:
                raise Fatal(f"topic {source.input_topic} is gone. Create it: ebbline topics create")
        value = await self._patiently(store.partition_record)
        if value is None:
            wrong = await self._new_beside_old(store, topics)
        else:
            state = PartitionState.decode(value)
            wrong = misfit(self._spec, number, state, topics, ends)
            if wrong is None:
                return state
        if wrong is not None and not (self._rebuild and wrong.curable):
            raise Fatal(wrong.message)
        if self._rebuild:
            keys = await self._patiently(store.erase)
            log.warning("erased what was kept", partition=number, keys=keys, cause=str(wrong or ""))
        return None

    async def _new_beside_old(
        self, store: PartitionStore, topics: Mapping[str, TopicState]
    ) -> Misfit | None:
        """Partitions that were added to topics in use have no record; the first one has."""
        value = await self._patiently(store.first_partitions_record)
        return (
            None
            if value is None
            else repartitioned(self._spec, PartitionState.decode(value), topics)
        )

    async def _patiently(self, operation: Callable[[], Awaitable[Any]]) -> Any:
        return await patiently(operation, REDIS_AWAY, "redis", self._metrics)
