"""Scoring on events inside a batch: which event of which user is scored next.

Between two scores of one user lie only that user's own events, so users can go in parallel: a
round applies every user's events up to the first one that is due, scores there, and the next
round goes on behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.events import Events
from models.grid import NEVER, Bool, Int
from models.learning.labels import not_ended, returns_after
from models.spec import OnEventSpec
from models.state.slab import RETURN, Outcome, Slab

LAST = 2**62
"""A place behind every record."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round does.

    users: int64[u], rows, ascending. until: int64[u], the place up to which each user's events
    are applied (LAST = all).
    """

    users: Int
    until: Int

    @property
    def due(self) -> Bool:
        """Users that stop at a due event."""
        return self.until < LAST

    def covers(self, events: Events) -> Bool:
        """Which events this round applies, bool[n]."""
        covered: Bool = events.places <= self.until[np.searchsorted(self.users, events.rows)]
        return covered


def next_round(
    slab: Slab, waiting: Sequence[Events], rule: OnEventSpec, entering: frozenset[int]
) -> Round:
    """The next round over the events that wait. entering: sources that let users enter."""
    users = np.unique(np.concatenate([events.rows for events in waiting]))
    until = np.full(len(users), LAST)
    barred = _barred(slab, waiting, users, entering)
    for events in waiting:
        if slab.spec.sources[events.source].name not in rule.sources:
            continue
        u = np.searchsorted(users, events.rows)
        due = events.clocks >= slab.last_score[events.rows] + rule.min_interval
        due &= events.places >= barred[u]
        np.minimum.at(until, u[due], events.places[due])
    return Round(users, until)


def _barred(slab: Slab, waiting: Sequence[Events], users: Int, entering: frozenset[int]) -> Int:
    """The place before which no event can find the user at risk, int64[u]."""
    soonest = np.full(len(users), LAST)
    enter, back = np.full(len(users), LAST), np.full(len(users), LAST)
    for events in waiting:
        u = np.searchsorted(users, events.rows)
        np.minimum.at(soonest, u, events.clocks)
        if events.source in entering:
            np.minimum.at(enter, u, events.places)
        returns = events.kinds == RETURN
        np.minimum.at(back, u[returns], events.places[returns])
    barred = np.where(slab.entered[users] == NEVER, enter, -LAST)
    for i in np.flatnonzero(slab.dated[users]).tolist():
        if _gone(slab.outcomes[int(users[i])], int(soonest[i])):
            barred[i] = max(barred[i], back[i])
    return barred


def _gone(outcomes: Sequence[Outcome], at: int) -> bool:
    """Whether a user has left at ``at`` and no known return lies ahead."""
    return not not_ended(outcomes, at) and not returns_after(outcomes, at)
