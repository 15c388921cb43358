"""The engine of one partition: records and clock in, state changes and outputs out.

A batch's life: it is cut at the points of time that lie inside it (:meth:`Engine.advance`). Each
piece (:meth:`Engine._apply`) goes through

1. judging: which records are events to apply, which go to the dead letters;
2. loading of the users that are not in memory;
3. scoring of those who are still due at a cut, as of the cut;
4. choosing: events not applied before, with the places of their panes;
5. folding into the users' state, in rounds that stop where a user is due to be scored; at the end
   of the rounds all who were looked at are scored together;
6. moving clocks, counts and indexes on;
7. the commit: outputs, changed users, the partition record; for several pieces at once
   (:mod:`models.engine.unit`), and always at the end of the batch.

At a point of time (:meth:`Engine._cross`): the end of an epoch releases matured cuts and says so
with a marker; a cut starts a sweep over the users at risk, worked off in slices between pieces. A
user who has an event while still due is scored first, so the result does not depend on the
interleaving.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np

from models.engine import cutting, forgetting, release, status
from models.engine.events import Events, collect, fold
from models.engine.intake import Judged, count, judge, letters, strangers
from models.engine.piece import Piece, cut_out, watermarks_at
from models.engine.points import CUT, EPOCH, Point, Points
from models.engine.records import Merged
from models.engine.requests import (
    Commit,
    Load,
    ModelAt,
    Output,
    Request,
    ScanAtRisk,
    ScanExpired,
    ScanPending,
)
from models.engine.rounds import Waiting, line_up, next_round
from models.engine.scoring import Looks, Scored, encode_records, look, score
from models.engine.state import PartitionState, SourceState, Sweep
from models.engine.unit import Unit
from models.features.plan import Plan
from models.grid import NEVER, Int
from models.spec import OnEventSpec
from models.state.decoding import decode
from models.state.membership import at_risk, belongs, expires
from models.state.slab import Slab
from schemas.codec import encode as encode_record
from schemas.examples import EpochEnd
from schemas.times import format_time

Run = Generator[Request, Any, None]

SLICE = 2000
"""Users handled in one slice of a sweep."""

NOBODY: Int = np.empty(0, dtype=np.int64)


class Engine:
    """State of one partition and what is done with it.

    partitions: how many there are (for the users' home and the epoch markers). state: the
    durable partition record, None for a partition never seen.
    """

    def __init__(
        self, plan: Plan, partition: int, partitions: int, state: PartitionState | None = None
    ) -> None:
        self.plan = plan
        self.spec = plan.spec
        self.partition = partition
        self.partitions = partitions
        self.state = state or PartitionState([SourceState() for _ in plan.spec.sources])
        self.slab = Slab(plan)
        self.points = Points(plan.spec, self.state)
        self._entering = frozenset(self._entering_sources())
        self._unit = Unit(self.slab, self.state)
        self._now = 0
        self._turn = 0

    # --- what drivers call -------------------------------------------------------------------

    def advance(self, merged: Merged, now: int) -> Run:
        """Apply merged records. now: the wall clock."""
        self._begin(now)
        clocks = np.maximum.accumulate(np.maximum(merged.arrivals, self.state.clock))
        self.points.start(int(clocks[0]))
        turns = forgetting.turns(merged)
        start = 0
        while start < len(merged):
            point = self.points.next()
            stop = int(np.searchsorted(clocks, point.time, side="right"))
            stop = min([stop, *(turn for turn in turns if turn > start)])
            if stop > start:
                piece = cut_out(merged, clocks, start, stop)
                yield from (self._forget if forgetting.is_request(piece) else self._apply)(piece)
                start = stop
            if start < len(merged) and clocks[start] > point.time:
                yield from self._cross(point)
            if self.state.sweep is not None:
                yield from self._sweep_slice()
        yield from self._commit()

    def move_clock(self, clock: int, now: int) -> Run:
        """Move the clock on without records (live mode, caught up)."""
        self._begin(now)
        self.points.start(clock)
        while (point := self.points.next()).time < clock:
            yield from self._cross(point)
        yield from self._commit()
        self.state.clock = max(self.state.clock, clock)

    def drain(self, now: int) -> Run:
        """Work off what is left of a sweep."""
        self._begin(now)
        yield from self._finish_sweep()
        yield from self._commit()

    def statuses(self, now: int) -> list[Output]:
        """How each source is doing now, as records.

        Empty while something is still to be done at or before the clock: a record says that
        everything up to its clock has been scored.
        """
        if self.state.next_cut is None or self.state.sweep is not None:
            return []
        if self.points.next().time <= self.state.clock:
            return []
        return status.statuses(self.spec, self.state, self.partition, format_time(now))

    # --- a piece of a batch ------------------------------------------------------------------

    def _apply(self, piece: Piece) -> Run:
        """A piece's life: each record judged, users loaded, events folded, users scored."""
        judged = self._judge(piece)  # 1
        touched = yield from self._load(judged)  # 2
        if self.state.sweep is not None:  # 3
            yield from self._score_due(touched)
            self.slab.last_cut[touched] = self.state.sweep.time
        events = [self._collect(piece, s, one) for s, one in judged.items()]  # 4
        yield from self._fold(events, judged, piece)  # 5
        self._move_past(piece, judged)  # 6
        self._index(touched)
        self._turn += 1
        self.slab.used[touched] = self._turn
        yield from self._settle(touched)  # 7

    def _forget(self, piece: Piece) -> Run:
        """Carry out requests; who is still due is scored first, as before any record."""
        yield from self._commit()
        judged = self._judge(piece)
        users = forgetting.asked_for(judged.values())
        yield from self._ensure(users)
        if self.state.sweep is not None:
            yield from self._score_due(self.slab.row_of(users))
        forgetting.erase(self.slab, users, self._unit.effects)
        self._move_past(piece, judged)
        self._unit.change(NOBODY)
        yield from self._commit()

    def _move_past(self, piece: Piece, judged: dict[int, Judged]) -> None:
        """Clock and counts behind a piece, letters about what was rejected."""
        clock_before = self.state.clock
        self.state.clock = piece.clock
        for s, one in judged.items():
            source, state = self.spec.sources[s], self.state.sources[s]
            rejected = letters(self.spec, source, self.partition, one, self._stamp)
            self._unit.effects.outputs.extend(rejected)
            count(state, one, clock_before)

    def _judge(self, piece: Piece) -> dict[int, Judged]:
        """Decide about each record that has not been applied before."""
        judged = {}
        for s, part in enumerate(piece.parts):
            if part is None:
                continue
            state = self.state.sources[s]
            skip = int(np.searchsorted(part.offsets, state.applied, side="right"))
            fresh = part.part(skip, len(part))
            if len(fresh) == 0:
                continue
            rows = self.slab.find(fresh.batch.users)
            foreign = strangers(fresh, rows, self.slab.rows, self.partition, self.partitions)
            source, clocks = self.spec.sources[s], piece.clocks[s][skip:]
            judged[s] = judge(self.spec, source, state, fresh, rows, clocks, foreign)
        return judged

    def _load(self, judged: dict[int, Judged]) -> Generator[Request, Any, Int]:
        """Have the users of all usable records in the slab. Returns their rows."""
        missing = {user for one in judged.values() for user in one.missing()}
        yield from self._ensure(sorted(missing))
        for one in judged.values():
            one.settle(self.slab)
        rows = [one.rows[one.usable] for one in judged.values()]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *rows]))

    def _collect(self, piece: Piece, s: int, judged: Judged) -> Events:
        places = piece.places[s][-len(judged.chunk) :]
        return collect(self.slab, self.spec.sources[s], self.state.sources[s], judged, places)

    def _fold(self, events: list[Events], judged: dict[int, Judged], piece: Piece) -> Run:
        """Apply events to their users, looking at those who are due in between; score them."""
        events = [one for one in events if len(one.rows)]
        if not events:
            return
        if self.spec.scoring.on_event is None:
            for one in events:
                fold(self.slab, one, one.source in self._entering)
        else:
            scorer = yield self._model_at(min(int(one.clocks[0]) for one in events))
            found = list(self._rounds(self.spec.scoring.on_event, events, judged, piece))
            if found:
                causes = [cause for _, causes in found for cause in causes]
                self._emit(score([looks for looks, _ in found], scorer), causes)
        for one in events:
            self.slab.rings[one.source].settle(np.unique(one.rows))

    def _rounds(
        self, rule: OnEventSpec, events: list[Events], judged: dict[int, Judged], piece: Piece
    ) -> Iterator[tuple[Looks, list[str]]]:
        """Apply events round by round; who was looked at on which event in each."""
        waiting = line_up(self.slab, events, rule, self._entering)
        while len(waiting.rows):
            covered, at_stop = next_round(self.slab, waiting, rule)
            now = waiting.part(covered)
            for one in events:
                fold(self.slab, one.part(now.of_source(one.source)), one.source in self._entering)
            stops = waiting.part(at_stop)
            stops = stops.part(at_risk(self.slab, stops.rows, stops.clocks))
            if len(stops.rows):
                marks = watermarks_at(self.spec, self.state, piece, judged, stops)
                yield look(self.slab, stops.rows, stops.clocks, marks), self._causes(stops, judged)
                self.slab.last_score[stops.rows] = stops.clocks
            waiting = waiting.part(~covered)

    def _causes(self, stops: Waiting, judged: dict[int, Judged]) -> list[str]:
        """Original positions of the events at which users stopped."""
        numbers, offsets = np.full(len(stops.rows), self.partition), stops.offsets.copy()
        for s, one in judged.items():
            own = np.flatnonzero(stops.source == s)
            index = np.searchsorted(one.chunk.offsets, offsets[own])
            numbers[own], offsets[own] = one.chunk.places(index, self.partition)
        topics = [source.topic for source in self.spec.sources]
        places = zip(stops.source.tolist(), numbers.tolist(), offsets.tolist(), strict=True)
        return [f"event:{topics[s]}-{number}-{offset}" for s, number, offset in places]

    # --- points of time ----------------------------------------------------------------------

    def _cross(self, point: Point) -> Run:
        yield from self._finish_sweep()
        self.state.clock = max(self.state.clock, point.time)
        if point.kind == EPOCH:
            yield from self._close_epoch(point.time)
        self.points.passed(point)
        if point.kind == CUT:
            self._begin_sweep(point.time)
        if point.kind in (EPOCH, CUT):
            self._unit.effects.outputs.extend(self.statuses(self._now))
            yield from self._settle(NOBODY)

    def _begin_sweep(self, time: int) -> None:
        if self.points.missed(time, self._now):
            self.state.skipped_cuts += 1
            return
        marks = [
            state.progress.watermark(source, time)
            for source, state in zip(self.spec.sources, self.state.sources, strict=True)
        ]
        self.state.sweep = Sweep(time, marks)

    def _finish_sweep(self) -> Run:
        while self.state.sweep is not None:
            yield from self._sweep_slice()

    def _sweep_slice(self) -> Run:
        sweep = self.state.sweep
        assert sweep is not None
        if self._unit.moves_members:
            yield from self._commit()
        users = yield ScanAtRisk(sweep.cursor, SLICE)
        yield from self._ensure(users)
        rows = self.slab.row_of(users)
        changed = yield from self._score_due(rows)
        gone = rows[~belongs(self.slab, rows, np.full(len(rows), sweep.time))]
        self._index(gone)
        if users:
            sweep.cursor = users[-1]
        if len(users) < SLICE:
            self.state.sweep = None
            self._unit.effects.outputs.extend(self.statuses(self._now))
        yield from self._settle(np.union1d(changed, gone))

    def _score_due(self, rows: Int) -> Generator[Request, Any, Int]:
        """Score the users among ``rows`` that are due in the sweep. Returns the changed rows."""
        sweep = self.state.sweep
        assert sweep is not None
        rows = cutting.due(self.slab, rows, sweep)
        if len(rows) == 0:
            return rows
        scorer = yield self._model_at(sweep.time)
        at = np.full(len(rows), sweep.time)
        marks = np.tile(np.array(sweep.watermarks, dtype=np.int64), (len(rows), 1))
        scored = score([look(self.slab, rows, at, marks)], scorer)
        if self.spec.scoring.schedule is not None:
            self._emit(scored, ["schedule"] * len(rows))
            self.slab.last_score[rows] = sweep.time
        self.slab.last_cut[rows] = sweep.time
        waiting = cutting.keep_examples(self.slab, scored)
        for row in waiting.tolist():
            self._unit.effects.pending[self._name(row)] = self.slab.pending[row][0].time
        return rows if self.spec.scoring.on_event is not None else waiting

    def _close_epoch(self, end: int) -> Run:
        """Release matured cuts, forget users that are long gone, then say that this is all."""
        until = release.releasable_until(self.spec, self.state, end)
        as_of = release.complete_as_of(self.spec, self.state, end)
        more = True
        while more:
            if self._unit.moves_pending(until):
                yield from self._commit()
            users = yield ScanPending(until, SLICE)
            if users:
                yield from self._release(users, until, end, as_of)
            more = len(users) == SLICE
        more = True
        while more:
            if self._unit.moves_expiry(end):
                yield from self._commit()
            users = yield ScanExpired(end, SLICE)
            if users:
                yield from self._expire(users, end)
            more = len(users) == SLICE
        marker = EpochEnd(
            self.spec.app, self.partition, self.partitions, end, self.spec.feature_set
        )
        output = Output("examples", f"epoch-{self.partition}".encode(), encode_record(marker))
        self._unit.effects.outputs.append(output)
        yield from self._settle(NOBODY)

    def _release(self, users: list[str], until: int, end: int, as_of: Int) -> Run:
        yield from self._ensure(users)
        rows, effects = self.slab.row_of(users), self._unit.effects
        for example in release.examples(self.slab, rows, until, end, as_of, self.partition):
            value = encode_record(example)
            effects.outputs.append(Output("examples", example.user.encode(), value))
        for user, row in zip(users, rows.tolist(), strict=True):
            waiting = [cut for cut in self.slab.pending[row] if cut.time > until]
            self.slab.pending.put(row, waiting)
            effects.pending[user] = waiting[0].time if waiting else None
        yield from self._settle(rows)

    def _expire(self, users: list[str], end: int) -> Run:
        """Forget those who are gone; what their value still was is durable before."""
        yield from self._commit()
        yield from self._ensure(users)
        rows = self.slab.row_of(users)
        gone = ~belongs(self.slab, rows, np.full(len(rows), end)) & ~self.slab.indexed[rows]
        moments = np.where(gone, expires(self.slab, rows), NEVER)
        effects = self._unit.effects
        for user, row, moment in zip(users, rows.tolist(), moments.tolist(), strict=True):
            effects.expiry[user] = None
            if moment > end or (moment != NEVER and self.slab.pending[row]):
                effects.expiry[user] = max(moment, end + 1)
            elif moment != NEVER:
                effects.users[user] = None
        self.slab.drop(effects.users)
        self._unit.change(NOBODY)
        yield from self._commit()

    # --- common ------------------------------------------------------------------------------

    def _ensure(self, users: Sequence[str]) -> Run:
        """Have the users in the slab."""
        missing = [user for user in users if user not in self.slab.rows]
        if not missing:
            return
        values = yield Load(missing)
        rows = self.slab.make(missing)
        known = [i for i, value in enumerate(values) if value is not None]
        decode(self.slab, [missing[i] for i in known], rows[known], [values[i] for i in known])

    def _index(self, rows: Int) -> None:
        """Keep the index of users at risk, and the timers of those who are not, in step."""
        effects = self._unit.effects
        wanted = belongs(self.slab, rows, np.full(len(rows), self.state.clock))
        changed = wanted != self.slab.indexed[rows]
        for row, belong in zip(rows[changed].tolist(), wanted[changed].tolist(), strict=True):
            effects.at_risk[self._name(row)] = belong
        self.slab.indexed[rows] = wanted
        gone = rows[~wanted]
        for row, moment in zip(gone.tolist(), expires(self.slab, gone).tolist(), strict=True):
            effects.expiry[self._name(row)] = moment

    def _emit(self, scored: Scored, causes: list[str]) -> None:
        users = self.slab.names(scored.rows)
        values = encode_records(self.spec, scored, users, causes, self._stamp)
        for user, value in zip(users, values, strict=True):
            self._unit.effects.outputs.append(Output("scores", user.encode(), value))

    def _begin(self, now: int) -> None:
        self._now = now
        self._unit = Unit(self.slab, self.state)

    def _settle(self, changed: Int) -> Run:
        """Something is whole: it may be committed from here on, and is when there is enough."""
        self._unit.change(changed)
        if self._unit.full:
            yield from self._commit()

    def _commit(self) -> Run:
        """Make durable what has gathered, if anything has."""
        if not self._unit.touched:
            return
        effects = self._unit.close(self.state)
        self._unit = Unit(self.slab, self.state)
        yield Commit(effects)
        self.slab.evict(self.spec.capacity)

    def _model_at(self, time: int) -> ModelAt:
        return ModelAt(time, self.points.epoch_in_force(time))

    def _name(self, row: int) -> str:
        user = self.slab.users[row]
        assert user is not None
        return user

    @property
    def _stamp(self) -> str:
        return format_time(self._now)

    def _entering_sources(self) -> list[int]:
        enter = self.spec.population.enter
        if enter is not None:
            return [self.spec.source_index(enter)]
        return [i for i, source in enumerate(self.spec.sources) if not source.is_outcome]
