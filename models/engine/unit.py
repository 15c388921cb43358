"""The unit of a commit: all that becomes durable at once.

Pieces of a batch, slices of a sweep and released examples gather here until there is enough of
them, or the batch ends: a user who has changed five times is encoded and written once. Nothing of
it is in the durable indexes yet, so who scans those asks first whether they are behind.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from models.engine.requests import Effects
from models.engine.state import PartitionState
from models.grid import Int
from models.state.codec import encode
from models.state.slab import Slab

NOBODY: Int = np.empty(0, dtype=np.int64)
"""Rows of no user: only the partition's own state has changed."""

ENOUGH = 10_000
"""Outputs, or changed users, that are worth a commit of their own."""


class Unit:
    """Effects of one commit in the making.

    touched: whether there is anything to commit. state: as it is durable now.
    """

    def __init__(self, slab: Slab, state: PartitionState) -> None:
        self.effects = Effects()
        self.touched = False
        self._slab = slab
        self._before = state.encode()
        self._changed: list[Int] = []
        self._rows = 0

    def change(self, rows: Int) -> None:
        """The state has moved on, these rows' values with it."""
        self.touched = True
        if len(rows):
            self._changed.append(rows)
            self._rows += len(rows)

    @property
    def full(self) -> bool:
        """Whether it is time for a commit: enough gathered, or no more room in memory."""
        if max(len(self.effects.outputs), self._rows) >= ENOUGH:
            return True
        return len(self._slab) > self._slab.spec.capacity

    @property
    def moves_members(self) -> bool:
        """Whether the index of users at risk is behind."""
        return bool(self.effects.at_risk)

    def moves_pending(self, until: int) -> bool:
        """Whether the index of waiting cuts is behind, as far as cuts up to a time go."""
        return _moves(self.effects.pending.values(), until)

    def moves_expiry(self, until: int) -> bool:
        """Whether the timers are behind, as far as those up to a time go."""
        return _moves(self.effects.expiry.values(), until)

    def close(self, state: PartitionState) -> Effects:
        """All of it, with the changed users' values and the partition record as they are now."""
        effects, slab = self.effects, self._slab
        if self._changed:
            rows = np.unique(np.concatenate(self._changed))
            effects.users.update(zip(slab.names(rows), encode(slab, rows), strict=True))
        effects.partition = state.encode()
        effects.begun = PartitionState.decode(self._before).counted_like(state).encode()
        effects.applied = tuple(source.applied for source in state.sources)
        return effects


def _moves(times: Iterable[int | None], until: int) -> bool:
    return any(time is None or time <= until for time in times)
