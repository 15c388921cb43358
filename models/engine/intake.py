"""Judging records of one source: which are events to apply, which go to the dead letters.

The order of the questions is fixed: a repeated copy (of a rekeyed topic; dropped), unreadable,
heartbeat, in the wrong partition, too far in the future, late. Only usable events and heartbeats
move the source's clocks.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from models.engine.copies import Copies, hear, look
from models.engine.records import Chunk, Record
from models.engine.requests import Output
from models.engine.state import SourceState
from models.grid import Bool, Int
from models.spec import SourceSpec, Spec
from models.staleness.watermarks import Course, follow
from models.state.slab import ABSENT, Slab
from schemas.codec import encode
from schemas.deadletters import DeadLetter
from schemas.murmur2 import partition_of
from schemas.reasons import Reject
from schemas.rekeying import Headers, own_headers
from schemas.times import format_time

RETRY_HEADER = "ebbline-retried-from"

MAX_PLACE_BYTES = 300
"""A topic's name has 249 at most, then partition and offset."""

MAX_LETTER_BYTES = 900_000
"""Brokers take records of 1 MiB by default: a letter that none takes would stop the partition."""

_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_000_000
"""The years 1 to 9999, which RFC 3339 can write."""

Verdicts = dict[int, tuple[Reject, str]]
"""Index of a rejected record to its reason and message."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Records of one source that have been judged.

    rows: int64[n], slab rows of the users. usable: bool[n], events to apply. clocks: int64[n], the
    partition's clock at each record. course: how the source's clocks moved. verdicts: the
    rejected ones. copies: of a rekeyed source. broken: by the rules that need a user's past.
    """

    chunk: Chunk
    rows: Int
    clocks: Int
    usable: Bool
    beats: Bool
    course: Course
    verdicts: Verdicts
    copies: Copies | None = None
    broken: Verdicts = field(default_factory=dict)

    @property
    def first_seen(self) -> Bool:
        """Which records are not repeated copies, bool[n]."""
        if self.copies is None:
            return np.ones(len(self.chunk), dtype=np.bool_)
        return ~self.copies.repeated

    def missing(self) -> Iterator[str]:
        """Users of usable records that are not in the slab."""
        for i in self._absent():
            user = self.chunk.batch.users[i]
            assert user is not None
            yield user

    def settle(self, slab: Slab) -> None:
        """Note the rows of the users that were missing."""
        absent = self._absent()
        self.rows[absent] = slab.row_of(self.missing())

    def _absent(self) -> list[int]:
        absent: list[int] = np.flatnonzero(self.usable & (self.rows == ABSENT)).tolist()
        return absent


def judge(
    spec: Spec,
    source: SourceSpec,
    state: SourceState,
    chunk: Chunk,
    rows: Int,
    clocks: Int,
    foreign: set[str],
) -> Judged:
    """Decide about each record. foreign: users that do not belong into this partition."""
    batch = chunk.batch
    copies = look(state.lanes, chunk.origins) if chunk.origins is not None else None
    verdicts: Verdicts = dict(batch.rejects)
    readable = np.ones(len(chunk), dtype=np.bool_)
    readable[[*verdicts, *batch.forgets, *batch.verdicts]] = False
    if copies is not None:
        readable &= ~copies.repeated
        verdicts = {i: why for i, why in verdicts.items() if not copies.repeated[i]}
    beats = readable & batch.heartbeat
    events = readable & ~batch.heartbeat
    verdicts |= _foreign(chunk, events, foreign) | _baseless(spec, chunk)
    future = (events | beats) & (batch.times > chunk.arrivals + spec.max_future)
    verdicts |= _future(spec, chunk, future)
    beats &= ~future
    events[list(verdicts)] = False
    times = batch.times
    if copies is not None and chunk.origins is not None:
        times = hear(copies.lanes, chunk.origins, times, beats)
    course = follow(source, state.progress, times, clocks, events, beats)
    late = events & (batch.times < course.before - source.allowed_lateness)
    verdicts |= _late(source, chunk, course, late)
    return Judged(chunk, rows, clocks, events & ~late, beats, course, verdicts, copies)


def _foreign(chunk: Chunk, events: Bool, foreign: set[str]) -> Verdicts:
    if not foreign:
        return {}
    message = (
        "user {!r} does not belong into this partition: murmur2 of the user id gives another one. "
        "Produce with the user id as the record key and the murmur2 partitioner "
        "(librdkafka: partitioner=murmur2_random)"
    )
    users = chunk.batch.users
    named = {i: users[i] for i in np.flatnonzero(events).tolist()} | chunk.batch.forgets
    return {
        i: (Reject.WRONG_PARTITION, message.format(user))
        for i, user in named.items()
        if user in foreign
    }


def _baseless(spec: Spec, chunk: Chunk) -> Verdicts:
    known = [source.name for source in spec.sources]
    return {
        i: (
            Reject.BAD_VERDICT,
            f"there is no source {verdict.source!r}; known: {', '.join(known)}",
        )
        for i, verdict in chunk.batch.verdicts.items()
        if verdict.source not in known
    }


def _future(spec: Spec, chunk: Chunk, future: Bool) -> Verdicts:
    found: Verdicts = {}
    for i in np.flatnonzero(future).tolist():
        time, arrival = int(chunk.batch.times[i]), int(chunk.arrivals[i])
        found[i] = (
            Reject.FUTURE_TIME,
            f"event time {format_time(time)} is more than max_future "
            f"({spec.max_future / 1e6:g} s) after its arrival {format_time(arrival)}: "
            "a wrong clock or unit at the producer?",
        )
    return found


def _late(source: SourceSpec, chunk: Chunk, course: Course, late: Bool) -> Verdicts:
    found: Verdicts = {}
    for i in np.flatnonzero(late).tolist():
        time, mark = int(chunk.batch.times[i]), int(course.before[i])
        found[i] = (
            Reject.LATE,
            f"event time {format_time(time)} is {(mark - time) / 1e6:g} s behind the watermark "
            f"{format_time(mark)} of source {source.name!r}; allowed_lateness is "
            f"{source.allowed_lateness / 1e6:g} s",
        )
    return found


def count(state: SourceState, judged: Judged, clock_before: int) -> None:
    """Move the source's clocks and counts past the judged records."""
    chunk, course = judged.chunk, judged.course
    state.applied = int(chunk.offsets[-1])
    state.counted = max(state.counted, state.applied)
    state.arrival = int(chunk.arrivals[-1])
    state.progress.data = int(course.data[-1])
    state.progress.heartbeat = int(course.heartbeat[-1])
    state.progress.last_data = int(course.last_data[-1])
    state.heartbeats += int(judged.beats.sum())
    state.disordered += int((judged.first_seen & (chunk.arrivals < clock_before)).sum())
    if judged.copies is not None:
        state.lanes = judged.copies.lanes
    for reason, _ in judged.verdicts.values():
        state.rejected[reason.value] += 1
        state.late += reason is Reject.LATE


def strangers(
    chunk: Chunk, rows: Int, known: dict[str, int], partition: int, partitions: int
) -> set[str]:
    """Users met for the first time that murmur2 would have put into another partition.

    rows: int64[n], the records' rows. known: row of each user in memory.
    """
    users = chunk.batch.users
    met = {user for i in np.flatnonzero(rows == ABSENT).tolist() if (user := users[i]) is not None}
    met.update(user for user in chunk.batch.forgets.values() if user not in known)
    return {user for user in met if partition_of(user.encode(), partitions) != partition}


def letters(
    spec: Spec, source: SourceSpec, partition: int, judged: Judged, now: str
) -> Iterator[Output]:
    """Dead letters of the rejected records, at their original positions.

    The raw bytes are intact, or left out where they are too many for a letter.
    """
    for i, (reason, message) in sorted((judged.verdicts | judged.broken).items()):
        raw = judged.chunk.raws[i]
        number, offset = judged.chunk.place(i, partition)
        place = f"{source.topic}-{number}-{offset}"
        headers = own_headers(raw.headers)
        omitted = _size(raw, headers) > MAX_LETTER_BYTES
        letter = DeadLetter(
            id=place,
            app=spec.app,
            source=source.name,
            topic=source.topic,
            partition=number,
            offset=offset,
            record_time=_record_time(raw),
            reason=reason.value,
            message=message,
            key_base64=None if omitted else _base64(raw.key),
            value_base64=None if omitted else _base64(raw.value),
            headers=[] if omitted else [(name, _base64(value) or "") for name, value in headers],
            rejected_at=now,
            retried_from=_retried_from(raw),
            omitted=omitted,
        )
        yield Output("deadletter", place.encode(), encode(letter))


def _record_time(raw: Record) -> str:
    """The record's timestamp, or the nearest time that can be written where it is absurd."""
    return format_time(min(max(raw.timestamp * 1000, _FIRST), _LAST))


def _retried_from(raw: Record) -> str | None:
    for name, value in raw.headers:
        if name == RETRY_HEADER and value is not None:
            return value[:MAX_PLACE_BYTES].decode(errors="replace")
    return None


def _size(raw: Record, headers: Headers) -> int:
    """Bytes of a record in its letter: base64 makes four of three, escaping up to six of one."""
    carried = sum(6 * len(name.encode()) + len(value or b"") for name, value in headers)
    return (len(raw.key or b"") + len(raw.value or b"") + carried) * 4 // 3


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
