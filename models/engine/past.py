"""A partition's past, lived again for some users: from its topics, without what was rejected.

Only state is computed: nobody is scored and nothing is sent. Records are judged, merged and folded
as they were the first time, with the rejected events known from the start, so they move no clock
and no watermark, and nothing is too late because of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from models.engine import forgetting
from models.engine.cutting import eligible
from models.engine.desk import Desk
from models.engine.events import collect, fold
from models.engine.intake import Judged, count, judge
from models.engine.merge import Merger
from models.engine.piece import Piece, cut_out
from models.engine.points import CUT, Point, Points
from models.engine.records import Chunk, Merged, make_chunk
from models.engine.release import releasable_until
from models.engine.requests import Kept, Request, Reread
from models.engine.state import PartitionState, SourceState
from models.grid import NEVER
from models.learning.cuts import phase_at, phase_of
from models.spec import Spec
from models.staleness.corruption import Intervals
from models.state.membership import at_risk, belongs, expires
from models.state.slab import ABSENT, FREE, Slab
from schemas.reasons import Reject

AT_ONCE = 10_000
"""Records merged at once."""

REMEMBERED = 1_000_000
"""Users of whom it is remembered where they belong."""

Reading = Generator[Request, Any, Chunk | None]


class TopicBeginsLaterError(Exception):
    """A topic does not hold a partition's first records any more, so the past is not known."""


class Topic:
    """One source's records up to what is applied, read again."""

    def __init__(self, desk: Desk, source: int) -> None:
        self.source = source
        self._declared = desk.spec.sources[source]
        self._known = desk.state.sources[source]
        self._now = desk.now
        self._after = -1
        self._arrived = NEVER

    def read(self) -> Reading:
        """The next records; None behind the last."""
        if self._after >= self._known.applied:
            return None
        kept: Kept = yield Reread(self.source, self._after, self._known.applied)
        if self._after < kept.first - 1:
            raise TopicBeginsLaterError
        if not kept.records:
            self._after = self._known.applied
            return None
        chunk = make_chunk(self._declared, kept.records, self._arrived, self._now)
        self._after, self._arrived = int(chunk.offsets[-1]), int(chunk.arrivals[-1])
        return chunk


def leave_out(
    chunk: Chunk, intervals: Intervals, states: Collection[str] = ("rejected", "repaired")
) -> Chunk:
    """Records with the events of the intervals in one of the states as unreadable ones."""
    batch, wrong = chunk.batch, np.zeros(len(chunk), dtype=np.bool_)
    for one in intervals.known:
        if one.state in states and one.end is not None:
            inside = (batch.times > one.begin) & (batch.times <= one.end)
            wrong |= inside & (chunk.offsets <= one.through)
    wrong &= ~batch.heartbeat
    left_out = dict.fromkeys(np.flatnonzero(wrong).tolist(), (Reject.QUALITY_RULE, "rejected"))
    if not left_out:
        return chunk
    return replace(chunk, batch=replace(batch, rejects=left_out | batch.rejects))


class Past:
    """Users and sources as they would be. users: who is followed; others only move the clocks.

    In the slab ``last_cut`` is the newest cut that would be an example. It may still wait for its
    label when its user is long gone, who is kept until then, as the first time.
    """

    def __init__(self, desk: Desk, users: Collection[str], entering: Collection[int]) -> None:
        self.slab = Slab(desk.plan)
        self.state = PartitionState([SourceState() for _ in desk.spec.sources])
        self._points = Points(desk.spec, self.state)
        self._desk = desk
        self._spec = desk.spec
        self._users = frozenset(users)
        self._sampled = _by_phase(desk.spec, users)
        self._entering = entering
        self._is_stranger = _remembering(desk)

    def live(self) -> Generator[Request, Any, None]:
        """Live through everything that was applied. Raises TopicBeginsLaterError."""
        merger = Merger(len(self.state.sources))
        topics = [Topic(self._desk, s) for s in range(len(self.state.sources))]
        ahead = [True] * len(topics)
        while True:
            for topic in topics:
                while ahead[topic.source] and not merger.buffered[topic.source]:
                    chunk = yield from topic.read()
                    ahead[topic.source] = chunk is not None
                    if chunk is not None:
                        rejected = self._desk.state.sources[topic.source].corrupt
                        merger.push(topic.source, leave_out(chunk, rejected))
            merged = merger.take(ahead, AT_ONCE)
            if merged is None:
                break
            self._advance(merged)
        self._points.start(self._desk.state.clock)
        while (point := self._points.next_regular()) < self._desk.points.next_regular():
            self._cross(point)

    def _advance(self, merged: Merged) -> None:
        clocks = np.maximum.accumulate(np.maximum(merged.arrivals, self.state.clock))
        self._points.start(int(clocks[0]))
        turns, start = forgetting.turns(merged), 0
        while start < len(merged):
            point = self._points.next_regular()
            stop = int(np.searchsorted(clocks, point.time, side="right"))
            stop = min([stop, *(turn for turn in turns if turn > start)])
            if stop > start:
                self._apply(cut_out(merged, clocks, start, stop))
                start = stop
            if start < len(merged) and clocks[start] > point.time:
                self._cross(point)
        self.state.clock = int(clocks[-1])

    def _apply(self, piece: Piece) -> None:
        judged = {s: self._judge(piece, s, part) for s, part in enumerate(piece.parts) if part}
        if forgetting.is_request(piece):
            self.slab.drop(forgetting.asked_for(judged.values()))
        else:
            self._fold(piece, judged)
        for s, one in judged.items():
            count(self.state.sources[s], one, self.state.clock)

    def _judge(self, piece: Piece, s: int, part: Chunk) -> Judged:
        source, rows = self._spec.sources[s], self.slab.find(part.batch.users)
        foreign = _foreign(part, self._is_stranger)
        known = self.state.sources[s]
        judged = judge(self._spec, source, known, part, rows, piece.clocks[s], foreign)
        followed = (user in self._users for user in part.batch.users)
        np.logical_and(judged.usable, np.fromiter(followed, np.bool_, len(part)), out=judged.usable)
        return judged

    def _fold(self, piece: Piece, judged: dict[int, Judged]) -> None:
        missing = {user for one in judged.values() for user in one.missing()}
        self.slab.make(sorted(missing))
        for s, one in judged.items():
            one.settle(self.slab)
            source = self._spec.sources[s]
            events = collect(self.slab, source, self.state.sources[s], one, piece.places[s])
            fold(self.slab, events, s in self._entering)
            self.slab.rings[s].settle(np.unique(events.rows))

    def _cross(self, point: Point) -> None:
        if point.kind == CUT:
            self._keep_examples(point.time)
        else:
            self._expire(point.time)
        self._points.passed(point)

    def _keep_examples(self, time: int) -> None:
        """Note for whom the cut would be an example."""
        rows = self.slab.find(self._sampled.get(phase_at(self._spec, time), []))
        rows = rows[rows != ABSENT]
        rows = rows[at_risk(self.slab, rows, np.full(len(rows), time))]
        self.slab.last_cut[rows[eligible(self.slab, rows, time)]] = time

    def _expire(self, end: int) -> None:
        """Forget users who were long gone at the end of an epoch, and had no cut that waited."""
        until = max(releasable_until(self._spec, self.state, end), NEVER)
        rows = np.flatnonzero(self.slab.used != FREE)
        rows = rows[(expires(self.slab, rows) <= end) & (self.slab.last_cut[rows] <= until)]
        gone = ~belongs(self.slab, rows, np.full(len(rows), end))
        self.slab.drop(self.slab.names(rows[gone]))


def _by_phase(spec: Spec, users: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for user in users:
        found.setdefault(phase_of(spec, user), []).append(user)
    return found


def judged_otherwise(desk: Desk, source: int) -> Generator[Request, Any, list[str]]:
    """Users who would be others without the rejected events.

    A record of theirs is used only with them, or only without; or event ids were forgotten sooner.
    What was taken out before is out on both sides: so the users are now.
    """
    users: set[str] = set()
    topic, rejected = Topic(desk, source), desk.state.sources[source].corrupt
    states, is_stranger = (SourceState(), SourceState()), _remembering(desk)
    while (chunk := (yield from topic.read())) is not None:
        foreign = _foreign(chunk, is_stranger)
        now, then = leave_out(chunk, rejected, ("repaired",)), leave_out(chunk, rejected)
        one, other = (
            _judged(desk, source, state, seen, foreign)
            for state, seen in zip(states, (now, then), strict=True)
        )
        differ = one.usable != other.usable
        if desk.spec.sources[source].mapping.event_id is not None:
            differ |= one.usable & (one.course.before != other.course.before)
        users.update(_named(chunk, np.flatnonzero(differ).tolist()))
    return sorted(users)


def _judged(desk: Desk, s: int, state: SourceState, chunk: Chunk, foreign: set[str]) -> Judged:
    rows = np.full(len(chunk), -1)
    source = desk.spec.sources[s]
    judged = judge(desk.spec, source, state, chunk, rows, chunk.arrivals, foreign)
    count(state, judged, NEVER)
    return judged


def _named(chunk: Chunk, index: Iterable[int]) -> Sequence[str]:
    users = chunk.batch.users
    return [user for i in index if (user := users[i]) is not None]


def _remembering(desk: Desk) -> Callable[[str], bool]:
    """Whether a user belongs elsewhere; worked out once, as most are met again and again."""
    return lru_cache(REMEMBERED)(desk.is_stranger)


def _foreign(chunk: Chunk, is_stranger: Callable[[str], bool]) -> set[str]:
    return {user for user in chunk.batch.users if user is not None and is_stranger(user)}
