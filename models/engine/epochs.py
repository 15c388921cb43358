"""The end of an epoch: matured cuts are released, users who are long gone are forgotten."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from models.engine import release
from models.engine.desk import Desk
from models.engine.requests import Output, Request, Run, ScanExpired, ScanPending
from models.engine.unit import NOBODY
from models.grid import NEVER, Int
from models.state.membership import belongs, expires
from schemas.codec import encode as encode_record
from schemas.examples import EpochEnd

SLICE = 2000
"""Users handled at once."""


class Epochs:
    """What happens where an epoch of learning ends."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.spec, self.state, self.slab = desk.spec, desk.state, desk.slab

    def close(self, end: int) -> Run:
        """Release matured cuts, forget users that are long gone, then say that this is all."""
        until = release.releasable_until(self.spec, self.state, end)
        as_of = release.complete_as_of(self.spec, self.state, end)
        asked: tuple[tuple[str, int], ...] | None = None
        more = True
        while more:
            if self.desk.unit.moves_pending(until):
                yield from self.desk.commit()
            users = yield ScanPending(until, SLICE)
            if users:
                if asked is None:
                    asked = yield from self._asked(end)
                yield from self._release(users, until, end, as_of, asked)
            more = len(users) == SLICE
        more = True
        while more:
            if self.desk.unit.moves_expiry(end):
                yield from self.desk.commit()
            users = yield ScanExpired(end, SLICE)
            if users:
                yield from self._expire(users, end)
            more = len(users) == SLICE
        marker = EpochEnd(
            self.spec.app, self.desk.partition, self.desk.partitions, end, self.spec.feature_set
        )
        output = Output("examples", f"epoch-{self.desk.partition}".encode(), encode_record(marker))
        self.desk.unit.effects.outputs.append(output)
        self.desk.unit.change(NOBODY)
        yield from self.desk.commit()  # the trainer waits for it, scorers for the trainer

    def _asked(self, end: int) -> Generator[Request, Any, tuple[tuple[str, int], ...]]:
        """Sources and lags that the model in force asks examples to be completed with."""
        if not self.spec.learns_lags:
            return ()
        scorer = yield self.desk.model_at(end)
        return () if scorer.policies is None else scorer.policies.asked

    def _release(
        self,
        users: list[str],
        until: int,
        end: int,
        as_of: Int,
        asked: tuple[tuple[str, int], ...],
    ) -> Run:
        yield from self.desk.ensure(users)
        rows, effects = self.slab.row_of(users), self.desk.unit.effects
        for example in release.examples(self.desk, rows, until, end, as_of, asked):
            value = encode_record(example)
            effects.outputs.append(Output("examples", example.user.encode(), value))
        for user, row in zip(users, rows.tolist(), strict=True):
            waiting = [cut for cut in self.slab.pending[row] if cut.time > until]
            self.slab.pending.put(row, waiting)
            effects.pending[user] = waiting[0].time if waiting else None
        yield from self.desk.settle(rows)

    def _expire(self, users: list[str], end: int) -> Run:
        """Forget those who are gone; what their value still was is durable before."""
        yield from self.desk.commit()
        yield from self.desk.ensure(users)
        rows = self.slab.row_of(users)
        gone = ~belongs(self.slab, rows, np.full(len(rows), end)) & ~self.slab.indexed[rows]
        moments = np.where(gone, expires(self.slab, rows), NEVER)
        effects = self.desk.unit.effects
        for user, row, moment in zip(users, rows.tolist(), moments.tolist(), strict=True):
            effects.expiry[user] = None
            if moment > end or (moment != NEVER and self.slab.pending[row]):
                effects.expiry[user] = max(moment, end + 1)
            elif moment != NEVER:
                effects.users[user] = None
        self.slab.drop(effects.users)
        self.desk.unit.change(NOBODY)
        yield from self.desk.commit()
