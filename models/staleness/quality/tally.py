"""What came of one slot of event time, or of several: sketches of fixed size that can be added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.grid import Bool, Int
from models.spec import SourceSpec, Spec
from models.staleness.quality.histogram import CODES, MIDDLE, Histogram, codes_of
from models.staleness.quality.repeats import KEPT, Repeats
from models.staleness.runs import counted
from schemas.events import EventBatch
from schemas.reasons import Reject

UNCOUNTED: Final = frozenset({Reject.LATE, Reject.BAD_VERDICT})
"""Rejections that say nothing about the data: lateness is the business of health."""

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(slots=True)
class Tally:
    """events: usable ones. ahead: of them, later than their own arrival. rejected: by reason.

    nulls, fields: of each watched field, how often it was not known, and its values.
    """

    events: int = 0
    ahead: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)
    fields: dict[str, Histogram] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=Repeats)

    @property
    def refused(self) -> int:
        """Records rejected for any reason."""
        return sum(self.rejected.values())

    @property
    def net(self) -> int:
        """Records without repeats, about; rejected ones have come too."""
        return round(self.events / self.repeats.times) + self.refused

    def merge(self, other: Tally) -> None:
        """Add another one."""
        self.events += other.events
        self.ahead += other.ahead
        for reason, count in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        for name, count in other.nulls.items():
            self.nulls[name] = self.nulls.get(name, 0) + count
        for name, values in other.fields.items():
            self.fields.setdefault(name, Histogram()).merge(values)
        self.repeats.merge(other.repeats)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is gathered of a source.

    fields: those that features use. numbers: which are. repeats: whether they are looked for.
    by_id: they are known by their event id, and dropped.
    """

    fields: tuple[str, ...]
    numbers: frozenset[str]
    repeats: bool
    by_id: bool


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one source in a piece, in order; arrays of n.

    users: uint64, hashes of their names. arrivals: int64. usable: bool, events. reached: int64, the
    newest event time at each record, where a rejected one counts. rejected: the others, but for
    heartbeats and the like. stretch: int64, which one each came in.
    """

    batch: EventBatch
    users: Hashes
    arrivals: Int
    usable: Bool
    reached: Int
    rejected: Mapping[int, tuple[Reject, str]]
    stretch: Int


def watched_of(spec: Spec, source: SourceSpec) -> Watched:
    """What the source's tests need."""
    tests = source.quality.tests
    used = {name for f in spec.features if f.source == source.name for name, _ in f.where}
    used |= {f.of for f in spec.features if f.source == source.name and f.of is not None}
    named = tuple(m.name for m in source.mapping.fields if m.name in used)
    by_id = source.mapping.event_id is not None
    return Watched(
        numbers=frozenset(m.name for m in source.mapping.fields if m.type == "number"),
        fields=named if {"nulls", "distribution"} & set(tests) else (),
        repeats="duplicates" in tests or "volume" in tests,
        by_id=by_id,
    )


def tallies(watched: Watched, records: Records, chosen: Int, place: Int, count: int) -> list[Tally]:
    """So many tallies. chosen: events, int64[m]. place: int64[m], whose each of them is."""
    batch = records.batch
    ahead = batch.times[chosen] > records.arrivals[chosen]
    events, early = (np.bincount(own, minlength=count).tolist() for own in (place, place[ahead]))
    found = [Tally(n, m) for n, m in zip(events, early, strict=True)]
    for name in watched.fields:
        _spread(name, batch.fields[name][chosen], place, found)
    if watched.repeats:
        hashes = place << 32 | _fingerprints(watched, records, chosen)
        for one, (own, counts) in zip(found, _counted(hashes, 2**32, count), strict=True):
            one.repeats = Repeats(own[:KEPT], counts[:KEPT])
    return found


def _spread(name: str, column: np.ndarray[Any, Any], place: Int, found: list[Tally]) -> None:
    """Put a field's values into the tallies. place: whose each value is."""
    unknown = column == 0 if column.dtype == np.uint64 else np.isnan(column)
    nulls = [0] * len(found)
    if unknown.any():
        nulls = np.bincount(place[unknown], minlength=len(found)).tolist()
        place, column = place[~unknown], column[~unknown]
    values = _counted(place * CODES + (codes_of(column) + MIDDLE), CODES, len(found), MIDDLE)
    for one, missing, (codes, counts) in zip(found, nulls, values, strict=True):
        one.nulls[name] = missing
        one.fields[name] = Histogram(codes, counts)


def _counted(
    cells: Int, width: int, count: int, zero: int = 0
) -> Iterator[tuple[list[int], list[int]]]:
    """For each of ``count`` ranges of ``width`` cells those that are there, and how often.

    zero: the cell of a range that is called 0.
    """
    present, counts = counted(cells)
    ends = np.searchsorted(present, np.arange(1, count + 1) * width).tolist()
    keys, times, start = (present % width - zero).tolist(), counts.tolist(), 0
    for end in ends:
        yield keys[start:end], times[start:end]
        start = end


def _fingerprints(watched: Watched, records: Records, chosen: Int) -> Int:
    """Below 2**32; equal where a record is the same: its event id, or all of its content."""
    batch = records.batch
    if watched.by_id:
        return (batch.ids[chosen] >> np.uint64(32)).astype(np.int64)
    mixed = _mix(records.users[chosen], batch.times[chosen].view(np.uint64))
    mixed = _mix(mixed, batch.kinds[chosen].astype(np.uint64))
    for column in batch.fields.values():
        mixed = _mix(mixed, column[chosen].view(np.uint64))
    return (mixed >> np.uint64(32)).astype(np.int64)


def _mix(state: Hashes, value: Hashes) -> Hashes:
    mixed = (state ^ value) * _ODD
    return mixed ^ (mixed >> np.uint64(29))
