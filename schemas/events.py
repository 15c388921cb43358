"""From records' bytes to columns, a batch at a time; one bad record never spoils its batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.cells import BadCell, field_part, id_part, time_part, user_part
from schemas.columns import (
    Column,
    FieldColumn,
    IdentifierColumn,
    KindColumn,
    TimeColumn,
    field_column,
    pick,
)
from schemas.controls import Named, read_forgets
from schemas.hashing import hash_text, hash_texts
from schemas.mapping import HeartbeatMapping, SourceMapping
from schemas.parsing import Doc, Rejects, parse_values
from schemas.reasons import Reject
from schemas.rules import broken
from schemas.verdicts import Verdict, read_verdicts

__all__ = ["RETRIED_HEADER", "EventBatch", "decode_batch", "hash_text"]

RETRIED_HEADER = "ebbline-retried-from"
"""Header of a record that was sent again from the dead letters: its original position."""

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class EventBatch:
    """The records of one fetch from one source, as columns of equal length n.

    users: None for heartbeats and rejected records. times: microseconds. heartbeat: mask.
    ids: 64-bit hash of the event id, 0 = none. kinds: -1 none, 0 churn, 1 leave, 2 return.
    fields: number and bool as float64 (NaN = unknown), string as uint64 hash (0 = unknown).
    rejects: row to reason and message; forgets: row to the user to forget; verdicts: row to what
    was decided about a source; other values of these rows mean nothing.
    """

    users: list[str | None]
    times: NDArray[np.int64]
    heartbeat: NDArray[np.bool_]
    ids: NDArray[np.uint64]
    kinds: NDArray[np.int8]
    fields: dict[str, NDArray[Any]]
    rejects: Rejects
    forgets: dict[int, str] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the records."""
        return len(self.users)


def decode_batch(
    mapping: SourceMapping,
    values: Sequence[bytes | None],
    headers: Sequence[Headers],
) -> EventBatch:
    """Read the records of a batch as the source's mapping says; never raises for bad records.

    Of several things wrong with a record the first is told, in the order: bytes, user, time,
    event id, fields in the order of the mapping, outcome, rules. In objects with repeated keys the
    last one counts. Whether a time is late, or ahead of its arrival, is not judged here.
    """
    columns = _columns(mapping)
    rejects: Rejects = {}
    named = _named(headers)
    verdicts = read_verdicts(named, values, rejects)
    docs, forgets = _parse(mapping, values, named, rejects, verdicts.keys())
    no_data = rejects.keys() | forgets.keys() | verdicts.keys()
    readable = _Selection(docs, rejects, no_data)
    beats = _heartbeats(mapping.heartbeat, docs, named) - no_data
    events = _Selection(docs, rejects, no_data | beats)
    batch = EventBatch(
        users=events.read(columns.user, None),
        times=readable.read(columns.time, 0),
        heartbeat=np.zeros(len(docs), dtype=np.bool_),
        ids=_ids(columns.id, events, named),
        fields={name: events.read(c, c.unknown) for name, c in columns.fields.items()},
        kinds=events.read(columns.kind, -1) if columns.kind else np.full(len(docs), -1, np.int8),
        rejects=rejects,
        forgets=forgets,
        verdicts=verdicts,
    )
    if mapping.rules:
        _judge(mapping, batch, docs, no_data | beats)
    batch.heartbeat[list(beats)] = True
    batch.ids[list(beats)] = 0
    _blank(batch, [*rejects, *forgets, *verdicts])
    return batch


def _judge(
    mapping: SourceMapping, batch: EventBatch, docs: Sequence[Doc], no_events: Collection[int]
) -> None:
    """Reject the records that break a rule and nothing else."""
    events = np.ones(len(docs), dtype=np.bool_)
    events[[*no_events, *batch.rejects]] = False
    for found in broken(mapping.rules, mapping.fields, batch.fields, docs, events):
        batch.rejects.setdefault(found.row, (Reject.QUALITY_RULE, found.message))


def decode_users(
    mapping: SourceMapping,
    values: Sequence[bytes | None],
    headers: Sequence[Headers],
) -> EventBatch:
    """Read whom the records of a batch concern, and which are heartbeats; the rest is blank.

    users: of events, and of requests to forget. rejects: whose user `decode_batch` cannot read
    either.
    """
    n, rejects = len(values), Rejects()
    named = _named(headers)
    docs, forgets = _parse(mapping, values, named, rejects, frozenset())
    no_data = rejects.keys() | forgets.keys()
    beats = _heartbeats(mapping.heartbeat, docs, named) - no_data
    events = _Selection(docs, rejects, no_data | beats)
    batch = EventBatch(
        users=events.read(_columns(mapping).user, None),
        times=np.zeros(n, np.int64),
        heartbeat=np.zeros(n, dtype=np.bool_),
        ids=np.zeros(n, np.uint64),
        kinds=np.full(n, -1, np.int8),
        fields={},
        rejects=rejects,
    )
    batch.heartbeat[list(beats)] = True
    _blank(batch, list(rejects))
    for i, user in forgets.items():
        batch.users[i] = user
    return batch


def _named(headers: Sequence[Headers]) -> Named:
    """Headers by name, of the rows that have any."""
    return {i: dict(pairs) for i, pairs in enumerate(headers) if pairs} if any(headers) else {}


def _parse(
    mapping: SourceMapping,
    values: Sequence[bytes | None],
    named: Named,
    rejects: Rejects,
    done: Collection[int],
) -> tuple[list[Doc], dict[int, str]]:
    """JSON objects, and requests to forget, whose values are not looked at.

    done: rows that have been read already.
    """
    forgets = read_forgets(named, rejects)
    requests = {*rejects, *forgets, *done}
    if requests:
        values = [b"{}" if i in requests else value for i, value in enumerate(values)]
    return parse_values(values, mapping.max_bytes, rejects), forgets


@dataclass(frozen=True, slots=True)
class _Columns:
    """How each part of a mapping is read."""

    user: IdentifierColumn
    time: TimeColumn
    id: IdentifierColumn | None
    fields: dict[str, FieldColumn]
    kind: KindColumn | None


@lru_cache(maxsize=256)
def _columns(mapping: SourceMapping) -> _Columns:
    outcome = mapping.outcome
    return _Columns(
        user=IdentifierColumn(user_part(mapping.user)),
        time=TimeColumn(time_part(mapping.time.path), mapping.time),
        id=IdentifierColumn(id_part(mapping.event_id)) if mapping.event_id else None,
        fields={field.name: field_column(field) for field in mapping.fields},
        kind=KindColumn(field_part("kind of outcome", outcome.path), outcome) if outcome else None,
    )


class _Selection:
    """The records that a column is read of: all but the excluded ones."""

    def __init__(self, docs: list[Doc], rejects: Rejects, excluded: Collection[int]) -> None:
        self.count = len(docs)
        self.rows = [i for i in range(self.count) if i not in excluded] if excluded else None
        self.docs = docs if self.rows is None else [docs[i] for i in self.rows]
        self.rejects = rejects

    def read(self, column: Column, empty: Any) -> Any:
        """Read a column, with ``empty`` at the rows that are not selected."""
        read = column.read(self.docs, self._reject)
        if self.rows is None:
            return read
        if isinstance(read, list):
            texts = dict(zip(self.rows, read, strict=True))
            return [texts.get(i, empty) for i in range(self.count)]
        spread = np.full(self.count, empty, dtype=read.dtype)
        spread[self.rows] = read
        return spread

    def _reject(self, i: int, error: BadCell) -> None:
        row = i if self.rows is None else self.rows[i]
        self.rejects.setdefault(row, (error.reason, error.message))


def _heartbeats(mapping: HeartbeatMapping, docs: list[Doc], named: Named) -> set[int]:
    """Rows of the records that have the header, or are true at the path."""
    beats = {i for i, pairs in named.items() if mapping.header in pairs}
    if mapping.path is not None:
        values, _ = pick(docs, mapping.path)
        beats.update(i for i, value in enumerate(values) if value is True)
    return beats


def _ids(column: IdentifierColumn | None, events: _Selection, named: Named) -> NDArray[np.uint64]:
    """Hashes of the event ids; without one configured, of the position a retry came from."""
    if column is not None:
        texts = events.read(column, "")
        hashes = hash_texts(texts)
        hashes[np.array([not text for text in texts], dtype=np.bool_)] = 0
        return hashes
    ids = np.zeros(events.count, dtype=np.uint64)
    for i, pairs in named.items():
        if (origin := pairs.get(RETRIED_HEADER)) is not None:
            ids[i] = hash_text(origin.decode(errors="replace"))
    return ids


def _blank(batch: EventBatch, rows: list[int]) -> None:
    """Leave nothing in rows without data that could be taken for a value."""
    if not rows:
        return
    for i in rows:
        batch.users[i] = None
    batch.times[rows], batch.ids[rows], batch.kinds[rows] = 0, 0, -1
    batch.heartbeat[rows] = False
    for column in batch.fields.values():
        column[rows] = 0 if column.dtype == np.uint64 else np.nan
