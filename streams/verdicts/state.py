"""What the partitions have made of verdicts: read from their records in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.engine.state import PartitionState
from models.staleness.corruption import Interval
from streams.config import Config
from streams.state.answers import raw
from streams.state.keys import Keys


class Partitions:
    """The partitions' records. client: synchronous."""

    def __init__(self, client: Any, config: Config, source: str) -> None:
        self._client = client
        self._config = config
        self._source = config.spec.source_index(source)

    def clock_ms(self, number: int) -> int:
        """A partition's clock, 0 before its first record."""
        record = self._record(number)
        return 0 if record is None else max(0, record.clock // 1000)

    def carried_out(self, places: Mapping[int, int]) -> bool:
        """Whether every partition is past the offset given for it."""
        return all(self._applied(number) >= offset for number, offset in places.items())

    def intervals(self, number: int) -> list[Interval]:
        """What a partition knows of the source's wrong data."""
        record = self._record(number)
        return [] if record is None else record.sources[self._source].corrupt.known

    def _applied(self, number: int) -> int:
        record = self._record(number)
        return -1 if record is None else record.sources[self._source].applied

    def _record(self, number: int) -> PartitionState | None:
        spec = self._config.spec
        key = Keys(spec.app, number, spec.feature_set).partition_record
        value = raw(self._client.get(key))
        return None if value is None else PartitionState.decode(value)
