"""What every step of the engine works with: state, users in memory, the commit in the making."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.engine import renewing, status
from models.engine.checks import Checks
from models.engine.points import Points
from models.engine.requests import Commit, Load, ModelAt, Output, Run
from models.engine.scoring import Told, encode_records, identities
from models.engine.state import PartitionState, SourceState
from models.engine.unit import NOBODY, Unit
from models.engine.weighing import Scored
from models.engine.why import Why
from models.features.plan import Plan
from models.features.remaining import Stretches
from models.grid import Int
from models.state.decoding import decode
from models.state.membership import belongs, expires
from models.state.slab import Slab
from schemas.murmur2 import partition_of
from schemas.times import format_time

Observer = Callable[[Slab, Scored, Sequence[Stretches]], None]


class Desk:
    """One partition's state, and what is done with it everywhere.

    now: the wall clock, as the driver gave it. unit: what gathers for the next commit. observer:
    is shown who has been scored at a cut, while their state still stands there, and the intervals
    of wrong data that were left out of it (see ``models.features.vector.features``); it changes
    nothing.
    """

    def __init__(
        self, plan: Plan, partition: int, partitions: int, state: PartitionState | None
    ) -> None:
        self.plan = plan
        self.spec = plan.spec
        self.partition = partition
        self.partitions = partitions
        self.state = state or PartitionState([SourceState() for _ in plan.spec.sources])
        self.state.keep(plan.panes, plan.spec)
        self.slab = Slab(plan)
        self.points = Points(plan.spec, self.state)
        self.checks = Checks(plan.spec, partition, self.state, self.slab)
        self.unit = Unit(self.slab, self.state)
        self.now = 0
        self.observer: Observer | None = None

    def begin(self, now: int) -> None:
        """Something new is asked for; nothing of the last one is left open."""
        self.now = now
        self.unit = Unit(self.slab, self.state)

    def settle(self, changed: Int) -> Run:
        """Something is whole: it may be committed from here on, and is when there is enough."""
        self.unit.change(changed)
        if self.unit.full:
            yield from self.commit()

    def commit(self) -> Run:
        """Make durable what has gathered, if anything has."""
        if not self.unit.touched:
            return
        effects = self.unit.close(self.state)
        self.unit = Unit(self.slab, self.state)
        yield Commit(effects)
        self.slab.evict(self.spec.capacity)

    def ensure(self, users: Sequence[str]) -> Run:
        """Have the users in the slab."""
        missing = [user for user in users if user not in self.slab.rows]
        if not missing:
            return
        values = yield Load(missing)
        rows = self.slab.make(missing)
        known = [i for i, value in enumerate(values) if value is not None]
        decode(self.slab, [missing[i] for i in known], rows[known], [values[i] for i in known])

    def index(self, rows: Int) -> None:
        """Keep the index of users at risk, and the timers of those who are not, in step."""
        effects = self.unit.effects
        wanted = belongs(self.slab, rows, np.full(len(rows), self.state.clock))
        changed = wanted != self.slab.indexed[rows]
        for row, belong in zip(rows[changed].tolist(), wanted[changed].tolist(), strict=True):
            effects.at_risk[self.name(row)] = belong
        self.slab.indexed[rows] = wanted
        gone = rows[~wanted]
        for row, moment in zip(gone.tolist(), expires(self.slab, gone).tolist(), strict=True):
            effects.expiry[self.name(row)] = moment

    def emit(
        self, scored: Scored, causes: Sequence[str], why: Why, supersedes: Sequence[str] = ()
    ) -> Int:
        """Send score records. supersedes: ids of the scores that they renew, if they do.

        Returns the rows whose state it has changed: what may be renewed later is noted.
        """
        users = self.slab.names(scored.rows)
        ids = identities(self.spec, scored, users, causes)
        told = Told(users, causes, ids, why, supersedes)
        values = encode_records(self.spec, scored, told, self.stamp)
        for user, value in zip(users, values, strict=True):
            self.unit.effects.outputs.append(Output("scores", user.encode(), value))
        if not self.spec.scoring.renew or (scored.stale is None and not len(self.slab.renewable)):
            return NOBODY
        return renewing.remember(self.slab, scored, ids)

    def model_at(self, time: int) -> ModelAt:
        """Ask for the model in force at a time."""
        return ModelAt(time, self.points.epoch_in_force(time))

    def statuses(self, now: int) -> list[Output]:
        """How each source is doing now, as records.

        Empty while something is still to be done at or before the clock: a record says that
        everything up to its clock has been scored.
        """
        if self.state.next_cut is None or self.state.sweep is not None:
            return []
        if self.points.next_deed().time <= self.state.clock:
            return []
        return status.statuses(self.spec, self.state, self.checks, self.partition, format_time(now))

    def is_stranger(self, user: str) -> bool:
        """Whether murmur2 puts a user into another partition."""
        return partition_of(user.encode(), self.partitions) != self.partition

    def name(self, row: int) -> str:
        """The user in a row."""
        user = self.slab.users[row]
        assert user is not None
        return user

    @property
    def stamp(self) -> str:
        """The wall clock, as it stands on records."""
        return format_time(self.now)
