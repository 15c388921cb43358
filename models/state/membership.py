"""Who is at risk: entered the population, has not left it, is not given up for silence."""

from __future__ import annotations

import numpy as np

from models.features.plan import lifetime
from models.grid import NEVER, Bool, Int
from models.learning.labels import not_ended, returns_after
from models.state.slab import Outcome, Slab

MAX_OUTCOMES = 256
"""Outcomes remembered for one user (the newest)."""


def at_risk(slab: Slab, rows: Int, at: Int) -> Bool:
    """Whether each user is at risk at its time ``at`` (int64[n])."""
    entered = slab.entered[rows]
    found: Bool = (entered != NEVER) & (entered <= at) & _still_there(slab, rows, at)
    return found


def belongs(slab: Slab, rows: Int, at: Int) -> Bool:
    """Whether each user belongs into the index of users at risk: at risk now or soon."""
    found: Bool = (slab.entered[rows] != NEVER) & _still_there(slab, rows, at, ahead=True)
    return found


def expires(slab: Slab, rows: Int) -> Int:
    """When users who are gone may be forgotten, int64[n].

    From their own events alone, in event time, so that it does not depend on how records were
    cut into batches: a user who comes back later is a new one, which scores can tell.
    """
    newest = np.max([ring.newest[rows] for ring in slab.rings], axis=0)
    silence = slab.spec.population.inactivity or 0
    moment: Int = newest + silence + lifetime(slab.spec)
    return moment


def _still_there(slab: Slab, rows: Int, at: Int, *, ahead: bool = False) -> Bool:
    """Not ended, not silent for too long. ahead: a known return after ``at`` counts too."""
    there = np.ones(len(rows), dtype=np.bool_)
    inactivity = slab.spec.population.inactivity
    if inactivity is not None:
        there &= slab.last_seen[rows] >= at - inactivity
    for i in np.flatnonzero(slab.dated[rows]).tolist():
        outcomes, time = slab.outcomes[int(rows[i])], int(at[i])
        there[i] &= not_ended(outcomes, time) or (ahead and returns_after(outcomes, time))
    return there


def note_outcomes(slab: Slab, rows: Int, times: Int, kinds: Int) -> None:
    """Remember outcomes of users, kept in time order; a repeated one is kept once."""
    for row, time, kind in zip(rows.tolist(), times.tolist(), kinds.tolist(), strict=True):
        outcome = Outcome(time, kind)
        known = slab.outcomes.setdefault(row, [])
        if outcome not in known:
            known.append(outcome)
            known.sort(key=lambda o: (o.time, o.kind))
            del known[:-MAX_OUTCOMES]
            slab.dated[row] = True
