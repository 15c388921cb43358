"""What the sources topic says: the newest record of each partition, merged for each source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.staleness.overall import overall
from schemas.codec import CodecError, decode_source_status
from schemas.sources import SourceOverall, SourceStatus
from schemas.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Wrong data that nobody has decided about: windows leave it out. Times RFC 3339.

    partitions: in which it is known; in each of them it may be a part of the whole only.
    """

    begin: str
    end: str
    reason: str
    partitions: tuple[int, ...]


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

    def wrong_now(self, source: str) -> LeftOut | None:
        """What is wrong and not over, up to the newest that came; None: nothing, or none came."""
        open_now = [
            (parse_time(part.corrupt_since), parse_time(part.last_data), number)
            for (name, number), part in self.partitions.items()
            if name == source and part.corrupt_since is not None and part.last_data is not None
        ]
        if not open_now:
            return None
        begins, ends, numbers = zip(*open_now, strict=True)
        if max(ends) <= min(begins):
            return None
        begin, end = format_time(min(begins)), format_time(max(ends))
        return LeftOut(begin, end, "", tuple(sorted(numbers)))

    def left_out(self, source: str) -> list[LeftOut]:
        """Intervals that are over, neither accepted nor taken out; those that meet as one.

        Of an open one :meth:`wrong_now` tells.
        """
        waiting = sorted(
            (parse_time(one.begin), parse_time(one.end), number, one.reason)
            for (name, number), part in self.partitions.items()
            for one in part.intervals
            if name == source and one.state in ("closed", "rejected") and one.end is not None
        )
        found: list[LeftOut] = []
        for begin, end, number, reason in waiting:
            last = found[-1] if found else None
            if last is None or begin > parse_time(last.end):
                found.append(LeftOut(format_time(begin), format_time(end), reason, (number,)))
                continue
            until = format_time(max(end, parse_time(last.end)))
            places = tuple(sorted({*last.partitions, number}))
            found[-1] = replace(last, end=until, partitions=places)
        return found

    def merged(self, now: str) -> list[SourceOverall]:
        """Each source that anything is known of, in the configured order. now: wall clock."""
        found = []
        for name in self._order:
            parts = [one for (source, _), one in self.partitions.items() if source == name]
            if parts:
                found.append(overall(parts, self.told.get(name), now))
        return found
