"""What the sources topic says: the newest record of each partition, merged for each source."""

from __future__ import annotations

from collections.abc import Sequence

from models.staleness.overall import overall
from schemas.codec import CodecError, decode_source_status
from schemas.sources import SourceOverall, SourceStatus


class SourcesOverview:
    """Collects records of one app. Small: one for each source and partition.

    app: records of other apps are ignored. order: names of the sources as configured; of others
    (no longer configured) nothing is kept.
    """

    def __init__(self, app: str, order: Sequence[str]) -> None:
        self._app = app
        self._order = order
        self.partitions: dict[tuple[str, int], SourceStatus] = {}
        self.told: dict[str, SourceOverall] = {}

    def take(self, value: bytes | None) -> None:
        """Take in a record; what is not understood is left alone."""
        try:
            record = decode_source_status(value)
        except CodecError:
            return
        if record.app != self._app or record.source not in self._order:
            return
        if isinstance(record, SourceStatus):
            self.partitions[record.source, record.partition] = record
        else:
            self.told[record.source] = record

    def merged(self, now: str) -> list[SourceOverall]:
        """Each source that anything is known of, in the configured order. now: wall clock."""
        found = []
        for name in self._order:
            parts = [one for (source, _), one in self.partitions.items() if source == name]
            if parts:
                found.append(overall(parts, self.told.get(name), now))
        return found
