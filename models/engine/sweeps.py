"""A sweep goes through the users at risk in slices, between the pieces of batches.

At a cut everyone at risk is scored; behind a check of the sources, when late data has landed, those
of a limited number of users whose newest scores were told without it (models.engine.renewing).

A user who has an event while still due is scored first, as of the sweep's time, so the result does
not depend on the interleaving.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from models.engine import cutting, renewing
from models.engine.corrupt import excluded_of
from models.engine.desk import Desk
from models.engine.looking import look
from models.engine.requests import Request, Run, ScanAtRisk
from models.engine.state import Sweep
from models.engine.unit import NOBODY
from models.engine.weighing import Scored, score
from models.grid import Int
from models.state.membership import belongs

SLICE = 2000
"""Users handled in one slice."""


class Sweeps:
    """The sweep over a partition's users at risk, if one is under way."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.spec, self.state, self.slab = desk.spec, desk.state, desk.slab

    def begin(self, time: int) -> None:
        """A cut has come: freeze the watermarks, as far as data is right, if it is not too late."""
        if self.desk.points.missed(time, self.desk.now):
            self.state.skipped_cuts += 1
            return
        self.state.sweep = self._frozen(time)
        if self.spec.scoring.schedule is not None:
            self.state.renewal.overtaken()

    def renew(self, time: int) -> Run:
        """Behind a check: go on with the round of renewals, unless live it is too late here.

        Who is among the next users depends on the index, so it is durable before the index moves
        on: a crash behind this meets the same users again.
        """
        renewal = self.state.renewal
        if self.desk.points.overdue(time, self.desk.now):
            renewal.at = None
            return
        yield from self.desk.commit()
        most = self.spec.scoring.renew_at_most
        users = yield ScanAtRisk(renewal.cursor, most)
        sweep = self._frozen(time)
        sweep.cursor, sweep.renews = renewal.cursor, renewal.round
        sweep.until = users[-1] if len(users) == most else ""
        renewal.go_on(time, sweep.until)
        self.state.sweep = sweep
        self.desk.unit.change(NOBODY)
        yield from self.desk.commit()

    def _frozen(self, time: int) -> Sweep:
        marks = self.desk.checks.marks(time)
        return Sweep(time, marks, health=self.desk.checks.health_now(time, marks))

    def pass_by(self, rows: Int) -> Run:
        """Users have records behind the newest sweep: who is due in it is scored first.

        They are marked also when it is over: after a crash in the middle of a write it may be done
        again, with users in the index who came behind it. Users whose own state is ahead of the
        partition's by such a crash stay ahead.
        """
        assert self.state.next_cut is not None
        if self.state.sweep is not None:
            yield from self.score_due(rows)
        newest_cut = self.state.next_cut - self.spec.cuts.every
        passed = max(newest_cut, self.state.renewal.last)
        self.slab.last_cut[rows] = np.maximum(self.slab.last_cut[rows], passed)

    def finish(self) -> Run:
        """Work off what is left."""
        while self.state.sweep is not None:
            yield from self.slice()

    def slice(self) -> Run:
        """Score the next users in the index's order."""
        sweep = self.state.sweep
        assert sweep is not None
        if self.desk.unit.moves_members:
            yield from self.desk.commit()
        users = yield ScanAtRisk(sweep.cursor, SLICE)
        last = len(users) < SLICE or bool(sweep.until and users[-1] >= sweep.until)
        if sweep.until:
            users = [user for user in users if user <= sweep.until]
        yield from self.desk.ensure(users)
        rows = self.slab.row_of(users)
        changed = yield from self.score_due(rows)
        gone = rows[~belongs(self.slab, rows, np.full(len(rows), sweep.time))]
        self.desk.index(gone)
        if users:
            sweep.cursor = users[-1]
        if last:
            self.state.sweep = None
            self.desk.unit.effects.outputs.extend(self.desk.statuses(self.desk.now))
        yield from self.desk.settle(np.union1d(changed, gone))

    def score_due(self, rows: Int) -> Generator[Request, Any, Int]:
        """Score the users among ``rows`` that are due in the sweep. Returns the changed rows."""
        sweep = self.state.sweep
        assert sweep is not None
        if sweep.renews:
            beyond = (sweep.cursor, sweep.until)
            rows = renewing.due(self.slab, rows, sweep.time, sweep.renews, beyond)
        else:
            rows = cutting.due(self.slab, rows, sweep)
        if len(rows) == 0:
            return rows
        scored = yield from self._scored(sweep, rows)
        return self._told_again(sweep, scored) if sweep.renews else self._told(sweep, scored)

    def _scored(self, sweep: Sweep, rows: Int) -> Generator[Request, Any, Scored]:
        scorer = yield self.desk.model_at(sweep.time)
        at = np.full(len(rows), sweep.time)
        marks = np.tile(np.array(sweep.watermarks, dtype=np.int64), (len(rows), 1))
        codes = sweep.health or self.desk.checks.health_now(sweep.time, sweep.watermarks)
        health = np.tile(np.array(codes, dtype=np.uint8), (len(rows), 1))
        wrong = excluded_of(self.state)
        looks = look(self.slab, rows, at, marks, health, scorer.policies, wrong)
        return score(self.spec, [looks], scorer)

    def _told(self, sweep: Sweep, scored: Scored) -> Int:
        """Users of a cut: told what they were scored, some kept as examples; the changed rows."""
        rows = scored.rows
        if self.desk.observer is not None:
            self.desk.observer(self.slab, scored, excluded_of(self.state))
        noted = NOBODY
        if self.spec.scoring.schedule is not None:
            why = self.desk.checks.why_now()
            noted = self.desk.emit(scored, ["schedule"] * len(rows), why)
            self.slab.last_score[rows] = sweep.time
        self.slab.last_cut[rows] = sweep.time
        waiting = cutting.keep_examples(self.slab, scored)
        for row in waiting.tolist():
            self.desk.unit.effects.pending[self.desk.name(row)] = self.slab.pending[row][0].time
        changed = rows if self.spec.scoring.on_event is not None else waiting
        return np.union1d(changed, noted)

    def _told_again(self, sweep: Sweep, scored: Scored) -> Int:
        """Users whose newest scores are renewed; nothing else is made of it. All have changed."""
        rows = scored.rows
        causes = renewing.causes(self.spec, self.slab, rows, sweep.renews)
        renewed = renewing.superseded(self.slab, rows)
        return self.desk.emit(scored, causes, self.desk.checks.why_now(), renewed)
