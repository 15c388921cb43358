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
class Waiting:
    """Events of all sources that are still to be applied, in merged order; arrays int64[n].

    users: rows of their users, ascending. user: whose each event is, as an index into ``users``.
    source, index: which event of which source it is. triggers, enters, returns: bool[n], whether
    it is of a source that asks for scores, that lets users enter, a return.
    """

    users: Int
    user: Int
    source: Int
    index: Int
    rows: Int
    places: Int
    clocks: Int
    offsets: Int
    triggers: Bool
    enters: Bool
    returns: Bool

    def part(self, chosen: Bool) -> Waiting:
        """The chosen events."""
        return Waiting(
            self.users,
            self.user[chosen],
            self.source[chosen],
            self.index[chosen],
            self.rows[chosen],
            self.places[chosen],
            self.clocks[chosen],
            self.offsets[chosen],
            self.triggers[chosen],
            self.enters[chosen],
            self.returns[chosen],
        )

    def of_source(self, source: int) -> Int:
        """Which events of the source these are."""
        own: Int = self.index[self.source == source]
        return own


def line_up(
    slab: Slab, events: Sequence[Events], rule: OnEventSpec, entering: frozenset[int]
) -> Waiting:
    """Put events of all sources into one order. entering: sources that let users enter."""
    source = np.repeat([one.source for one in events], [len(one.rows) for one in events])
    places = np.concatenate([one.places for one in events])
    order = np.argsort(places)
    rows = np.concatenate([one.rows for one in events])[order]
    users, user = np.unique(rows, return_inverse=True)
    named = [s for s, spec in enumerate(slab.spec.sources) if spec.name in rule.sources]
    source = source[order]
    returns = np.concatenate([one.kinds for one in events])[order] == RETURN
    enters = np.isin(source, list(entering))
    if slab.spec.population.enter is None:
        enters |= returns
    return Waiting(
        users,
        user,
        source,
        np.concatenate([np.arange(len(one.rows)) for one in events])[order],
        rows,
        places[order],
        np.concatenate([one.clocks for one in events])[order],
        np.concatenate([one.offsets for one in events])[order],
        np.isin(source, named),
        enters,
        returns,
    )


def next_round(slab: Slab, waiting: Waiting, rule: OnEventSpec) -> tuple[Bool, Bool]:
    """What the next round applies, and which of that are due events at which users stop."""
    due = waiting.triggers & (waiting.clocks >= slab.last_score[waiting.rows] + rule.min_interval)
    due &= waiting.places >= _barred(slab, waiting)[waiting.user]
    until = np.full(len(waiting.users), LAST)
    until[waiting.user[due][::-1]] = waiting.places[due][::-1]  # the first one of each stays
    until = until[waiting.user]
    return waiting.places <= until, waiting.places == until


def _barred(slab: Slab, waiting: Waiting) -> Int:
    """The place before which no event can find the user at risk, int64[users]."""
    users = waiting.users
    barred = np.full(len(users), -LAST)
    unborn = slab.entered[users] == NEVER
    if unborn.any():
        barred[unborn] = _first(waiting, waiting.enters, waiting.places)[unborn]
    dated = np.flatnonzero(slab.dated[users])
    if len(dated):
        soonest = _first(waiting, np.ones(len(waiting.rows), dtype=np.bool_), waiting.clocks)
        back = _first(waiting, waiting.returns, waiting.places)
        for i in dated.tolist():
            if _gone(slab.outcomes[int(users[i])], int(soonest[i])):
                barred[i] = max(barred[i], back[i])
    return barred


def _first(waiting: Waiting, chosen: Bool, column: Int) -> Int:
    """A column at the first chosen event of each user, int64[users]; LAST = there is none."""
    first = np.full(len(waiting.users), LAST)
    first[waiting.user[chosen][::-1]] = column[chosen][::-1]
    return first


def _gone(outcomes: Sequence[Outcome], at: int) -> bool:
    """Whether a user has left at ``at`` and no known return lies ahead."""
    return not not_ended(outcomes, at) and not returns_after(outcomes, at)
