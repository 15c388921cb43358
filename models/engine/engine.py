"""The engine of one partition: records and clock in, state changes and outputs out.

A batch's life: it is cut at the points of time that lie inside it (:meth:`Engine.advance`), but
not at checks. Each piece (:meth:`Engine._apply`) goes through

1. judging: which records are events to apply, which go to the dead letters;
2. loading of the users that are not in memory;
3. scoring of those who are still due at a cut, as of the cut;
4. choosing: events not applied before, with the places of their panes; then the checks that lie
   between the records are crossed, so that all who are looked at find what was known then;
5. folding into the users' state, in rounds that stop where a user is due to be scored; at the end
   of the rounds all who were looked at are scored together;
6. moving clocks, counts and indexes on;
7. the commit: outputs, changed users, the partition record; for several pieces at once
   (:mod:`models.engine.unit`), and always at the end of the batch.

At a point of time (:meth:`Engine._cross`): the sources are checked; the end of an epoch releases
matured cuts and says so with a marker; a cut starts a sweep over the users at risk, worked off in
slices between pieces, and so do renewals of their scores. A user who has an event while still due
is scored first, so the result does not depend on the interleaving.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from models.engine import forgetting, rebuilding, renewing, ruling
from models.engine.checks import Frames
from models.engine.desk import Desk
from models.engine.epochs import Epochs
from models.engine.events import Events, collect, fold
from models.engine.intake import Judged, count, judge, letters, strangers
from models.engine.looking import Looks, look
from models.engine.piece import Piece, cut_out, heard_at, watermarks_at
from models.engine.points import CHECK, CUT, EPOCH, RENEWAL, RULING, Point
from models.engine.records import Merged
from models.engine.requests import (
    Output,
    Request,
    Run,
)
from models.engine.rounds import Waiting, line_up, next_round
from models.engine.state import PartitionState
from models.engine.sweeps import Sweeps
from models.engine.unit import NOBODY
from models.engine.weighing import score
from models.features.plan import Plan
from models.grid import Int
from models.learning.told_policies import Policies
from models.spec import OnEventSpec
from models.state.membership import at_risk


class Engine:
    """State of one partition and what is done with it.

    partitions: how many there are (for the users' home and the epoch markers). state: the
    durable partition record, None for a partition never seen.
    """

    def __init__(
        self, plan: Plan, partition: int, partitions: int, state: PartitionState | None = None
    ) -> None:
        self.desk = desk = Desk(plan, partition, partitions, state)
        self.sweeps = Sweeps(desk)
        self.epochs = Epochs(desk)
        self.checks = desk.checks
        self.plan, self.spec, self.partition = plan, plan.spec, partition
        self.state, self.slab, self.points = desk.state, desk.slab, desk.points
        self._entering = frozenset(self._entering_sources())
        self._turn = 0

    # --- what drivers call -------------------------------------------------------------------

    def advance(self, merged: Merged, now: int) -> Run:
        """Apply merged records. now: the wall clock."""
        self.desk.begin(now)
        clocks = np.maximum.accumulate(np.maximum(merged.arrivals, self.state.clock))
        self.points.start(int(clocks[0]))
        turns = forgetting.turns(merged) + ruling.turns(merged)
        until = self.points.next if turns else self.points.next_stop
        start = 0
        while start < len(merged):
            stop = int(np.searchsorted(clocks, until().time, side="right"))
            stop = min([stop, *(turn for turn in turns if turn > start)])
            if stop > start:
                piece = cut_out(merged, clocks, start, stop)
                yield from self._way_of(piece)(piece)
                start = stop
            if start < len(merged) and clocks[start] > (point := self.points.next()).time:
                yield from self._cross(point)
            if self.state.sweep is not None:
                yield from self.sweeps.slice()
        yield from self.desk.commit()

    def move_clock(self, clock: int, now: int) -> Run:
        """Move the clock on without records (live mode, caught up)."""
        self.desk.begin(now)
        self.points.start(clock)
        while (point := self.points.next()).time < clock:
            yield from self._cross(point)
        yield from self.desk.commit()
        self.state.clock = max(self.state.clock, clock)

    def drain(self, now: int) -> Run:
        """Work off what is left of a sweep."""
        self.desk.begin(now)
        yield from self.sweeps.finish()
        yield from self.desk.commit()

    def statuses(self, now: int) -> list[Output]:
        """How each source is doing now, as records; see :meth:`Desk.statuses`."""
        return self.desk.statuses(now)

    # --- a piece of a batch ------------------------------------------------------------------

    def _apply(self, piece: Piece) -> Run:
        """A piece's life: each record judged, users loaded, events folded, users scored."""
        if self.points.next().time < piece.clock:
            yield from self.sweeps.finish()  # as of before the checks inside
        judged = self._judge(piece)  # 1
        touched = yield from self._load(judged)  # 2
        yield from self.sweeps.pass_by(touched)  # 3
        events = [self._collect(piece, s, one) for s, one in judged.items()]  # 4
        frames = self.checks.follow(piece, judged)
        yield from self._fold(events, judged, piece, frames)  # 5
        self._move_past(piece, judged)  # 6
        self.desk.index(touched)
        self._turn += 1
        self.slab.used[touched] = self._turn
        yield from self.desk.settle(touched)  # 7

    def _way_of(self, piece: Piece) -> Callable[[Piece], Run]:
        """What is done with a piece that was cut at the turns."""
        if forgetting.is_request(piece):
            return self._forget
        return self._rule if ruling.is_verdict(piece) else self._apply

    def _rule(self, piece: Piece) -> Run:
        """Take in verdicts; who is still due is scored first, as before them."""
        yield from self.sweeps.finish()
        for given in ruling.given(piece, self._judge(piece)):
            ruling.take(self.spec, self.state, given)
            yield from rebuilding.repair(self.desk, self._entering)
        judged = self._judge(piece)  # watermarks may have gone back
        self.checks.follow(piece, judged)
        self._move_past(piece, judged)
        self.desk.unit.change(NOBODY)
        yield from self.desk.commit()  # users who are gone must not be loaded again

    def _forget(self, piece: Piece) -> Run:
        """Carry out requests; who is still due is scored first, as before any record."""
        yield from self.desk.commit()
        judged = self._judge(piece)
        users = forgetting.asked_for(judged.values())
        yield from self.desk.ensure(users)
        if self.state.sweep is not None:
            yield from self.sweeps.score_due(self.slab.row_of(users))
        forgetting.erase(self.slab, users, self.desk.unit.effects)
        self.checks.follow(piece, judged)
        self._move_past(piece, judged)
        self.desk.unit.change(NOBODY)
        yield from self.desk.commit()

    def _move_past(self, piece: Piece, judged: dict[int, Judged]) -> None:
        """Clock and counts behind a piece, letters about what was rejected."""
        clock_before = self.state.clock
        self.state.clock = piece.clock
        for s, one in judged.items():
            source, state = self.spec.sources[s], self.state.sources[s]
            rejected = letters(self.spec, source, self.partition, one, self.desk.stamp)
            self.desk.unit.effects.outputs.extend(rejected)
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
            foreign = strangers(fresh, rows, self.slab.rows, self.partition, self.desk.partitions)
            source, clocks = self.spec.sources[s], piece.clocks[s][skip:]
            judged[s] = judge(self.spec, source, state, fresh, rows, clocks, foreign)
        return judged

    def _load(self, judged: dict[int, Judged]) -> Generator[Request, Any, Int]:
        """Have the users of all usable records in the slab. Returns their rows."""
        missing = {user for one in judged.values() for user in one.missing()}
        yield from self.desk.ensure(sorted(missing))
        for one in judged.values():
            one.settle(self.slab)
        rows = [one.rows[one.usable] for one in judged.values()]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *rows]))

    def _collect(self, piece: Piece, s: int, judged: Judged) -> Events:
        places = piece.places[s][-len(judged.chunk) :]
        return collect(self.slab, self.spec.sources[s], self.state.sources[s], judged, places)

    def _fold(
        self, events: list[Events], judged: dict[int, Judged], piece: Piece, frames: Frames
    ) -> Run:
        """Apply events to their users, looking at those who are due in between; score them."""
        events = [one for one in events if len(one.rows)]
        if not events:
            return
        if self.spec.scoring.on_event is None:
            for one in events:
                fold(self.slab, one, one.source in self._entering)
        else:
            scorer = yield self.desk.model_at(min(int(one.clocks[0]) for one in events))
            rule = self.spec.scoring.on_event
            found = list(self._rounds(rule, events, judged, piece, frames, scorer.policies))
            if found:
                causes = [cause for _, causes in found for cause in causes]
                looks = [looks for looks, _ in found]
                self.desk.emit(score(self.spec, looks, scorer), causes, frames.why)
        for one in events:
            self.slab.rings[one.source].settle(np.unique(one.rows))

    def _rounds(
        self,
        rule: OnEventSpec,
        events: list[Events],
        judged: dict[int, Judged],
        piece: Piece,
        frames: Frames,
        policies: Policies | None,
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
            for wrong, own in frames.alike(stops):
                marks = watermarks_at(self.spec, self.state, piece, judged, own)
                marks = frames.known(own.clocks, marks)
                heard = heard_at(frames.heard, piece, judged, own)
                health = self.checks.health(frames, own.clocks, marks, heard)
                seen = look(self.slab, own.rows, own.clocks, marks, health, policies, wrong)
                yield seen, self._causes(own, judged)
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
        yield from self.sweeps.finish()
        if point.kind in (CHECK, RULING):
            yield from self._check(point)
            return
        self.state.clock = max(self.state.clock, point.time)
        if point.kind == EPOCH:
            yield from self.epochs.close(point.time)
        self.points.passed(point)
        if point.kind == CUT:
            self.sweeps.begin(point.time)
        if point.kind in (EPOCH, CUT):
            renewing.look_round(self.slab, self.state, self.checks, point)
        if point.kind == RENEWAL:
            yield from self.sweeps.renew(point.time)
        if point.kind in (EPOCH, CUT, RENEWAL):
            self.desk.unit.effects.outputs.extend(self.desk.statuses(self.desk.now))
            yield from self.desk.settle(NOBODY)

    def _check(self, point: Point) -> Run:
        self.state.clock = max(self.state.clock, point.time)
        if point.kind == CHECK:
            self.checks.check(point.time)
        else:
            ruling.hold(self.spec, self.state, point.time + 1)
            yield from rebuilding.repair(self.desk, self._entering)
            ruling.let_go(self.state, point.time + 1)
        self.points.passed(point)
        if point.kind == CHECK and self.state.renewal.pending:
            renewing.plan(self.state, self.checks, point.time)
        self.desk.unit.change(NOBODY)
        if point.kind == RULING:
            yield from self.desk.commit()  # as behind a verdict

    def _entering_sources(self) -> list[int]:
        enter = self.spec.population.enter
        if enter is not None:
            return [self.spec.source_index(enter)]
        return [i for i, source in enumerate(self.spec.sources) if not source.is_outcome]
