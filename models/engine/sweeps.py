"""A cut is scored in slices, between the pieces of batches.

A user who has an event while still due is scored first, as of the cut, so the result does not
depend on the interleaving.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from models.engine import cutting
from models.engine.corrupt import excluded_of
from models.engine.desk import Desk
from models.engine.looking import look
from models.engine.requests import Request, Run, ScanAtRisk
from models.engine.state import Sweep
from models.engine.weighing import score
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
        marks = [
            min(state.progress.watermark(source, time), state.corrupt.good_through)
            for source, state in zip(self.spec.sources, self.state.sources, strict=True)
        ]
        health = self.desk.checks.health_now(time, marks)
        self.state.sweep = Sweep(time, marks, health=health)

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
        yield from self.desk.ensure(users)
        rows = self.slab.row_of(users)
        changed = yield from self.score_due(rows)
        gone = rows[~belongs(self.slab, rows, np.full(len(rows), sweep.time))]
        self.desk.index(gone)
        if users:
            sweep.cursor = users[-1]
        if len(users) < SLICE:
            self.state.sweep = None
            self.desk.unit.effects.outputs.extend(self.desk.statuses(self.desk.now))
        yield from self.desk.settle(np.union1d(changed, gone))

    def score_due(self, rows: Int) -> Generator[Request, Any, Int]:
        """Score the users among ``rows`` that are due in the sweep. Returns the changed rows."""
        sweep = self.state.sweep
        assert sweep is not None
        rows = cutting.due(self.slab, rows, sweep)
        if len(rows) == 0:
            return rows
        scorer = yield self.desk.model_at(sweep.time)
        at = np.full(len(rows), sweep.time)
        marks = np.tile(np.array(sweep.watermarks, dtype=np.int64), (len(rows), 1))
        codes = sweep.health or self.desk.checks.health_now(sweep.time, sweep.watermarks)
        health = np.tile(np.array(codes, dtype=np.uint8), (len(rows), 1))
        wrong = excluded_of(self.state)
        looks = look(self.slab, rows, at, marks, health, scorer.policies, wrong)
        scored = score(self.spec, [looks], scorer)
        if self.desk.observer is not None:
            self.desk.observer(self.slab, scored)
        if self.spec.scoring.schedule is not None:
            self.desk.emit(scored, ["schedule"] * len(rows))
            self.slab.last_score[rows] = sweep.time
        self.slab.last_cut[rows] = sweep.time
        waiting = cutting.keep_examples(self.slab, scored)
        for row in waiting.tolist():
            self.desk.unit.effects.pending[self.desk.name(row)] = self.slab.pending[row][0].time
        return rows if self.spec.scoring.on_event is not None else waiting
