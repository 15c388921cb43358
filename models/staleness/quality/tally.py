"""What came of one slot of event time, or of several: sketches of fixed size that can be added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.grid import Int
from models.spec import SourceSpec, Spec
from models.staleness.quality.histogram import CODES, Histogram, codes_of
from models.staleness.quality.repeats import Repeats
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


def tally(
    watched: Watched, batch: EventBatch, users: Hashes, arrivals: Int, chosen: Int, slots: Int
) -> dict[int, Tally]:
    """Tallies of the chosen events by slot.

    users: hashes of the records' users, uint64[n]. slots: int64[m], of each chosen one.
    """
    found, place = np.unique(slots, return_inverse=True)
    each = {slot: Tally() for slot in found.tolist()}
    tallies = list(each.values())
    ahead = batch.times[chosen] > arrivals[chosen]
    for one, events, early in zip(
        tallies,
        np.bincount(place, minlength=len(found)).tolist(),
        np.bincount(place[ahead], minlength=len(found)).tolist(),
        strict=True,
    ):
        one.events, one.ahead = events, early
    for name in watched.fields:
        _spread(name, batch.fields[name][chosen], place, tallies)
    if watched.repeats:
        hashes = _fingerprints(watched, batch, users, chosen)
        for number, one in enumerate(tallies):
            one.repeats.add(hashes[place == number] if len(tallies) > 1 else hashes)
    return each


def _spread(name: str, column: np.ndarray[Any, Any], place: Int, tallies: Sequence[Tally]) -> None:
    """Put a field's values into the tallies. place: whose each value is."""
    unknown = column == 0 if column.dtype == np.uint64 else np.isnan(column)
    nulls = np.bincount(place[unknown], minlength=len(tallies)).tolist()
    known = ~unknown
    cells = place[known] * CODES + codes_of(column[known]) + CODES // 2
    table = np.bincount(cells, minlength=len(tallies) * CODES).reshape(len(tallies), CODES)
    for one, missing, row in zip(tallies, nulls, table, strict=True):
        filled = np.flatnonzero(row)
        one.nulls[name] = missing
        one.fields[name] = Histogram((filled - CODES // 2).tolist(), row[filled].tolist())


def _fingerprints(watched: Watched, batch: EventBatch, users: Hashes, chosen: Int) -> Int:
    """Below 2**32; equal where a record is the same: its event id, or all of its content."""
    if watched.by_id:
        return (batch.ids[chosen] >> np.uint64(32)).astype(np.int64)
    mixed = _mix(users[chosen], batch.times[chosen].view(np.uint64))
    mixed = _mix(mixed, batch.kinds[chosen].astype(np.uint64))
    for column in batch.fields.values():
        mixed = _mix(mixed, column[chosen].view(np.uint64))
    return (mixed >> np.uint64(32)).astype(np.int64)


def _mix(state: Hashes, value: Hashes) -> Hashes:
    mixed = (state ^ value) * _ODD
    return mixed ^ (mixed >> np.uint64(29))


def refusals(verdicts: Mapping[int, tuple[Reject, str]], slots: Int) -> dict[int, dict[str, int]]:
    """Rejected records by slot and reason. slots: int64[n], where each record counts."""
    found: dict[int, dict[str, int]] = {}
    for i, (reason, _) in verdicts.items():
        if reason not in UNCOUNTED:
            counts = found.setdefault(int(slots[i]), {})
            counts[reason.value] = counts.get(reason.value, 0) + 1
    return found
