"""Who is due at a cut, and which of the cuts are kept as examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.engine.state import Sweep
from models.engine.weighing import Scored
from models.grid import Bool, Int
from models.learning.cuts import is_example
from models.learning.labels import activity
from models.state.cuts import CutRecord
from models.state.membership import at_risk
from models.state.slab import Slab
from models.state.waiting import PendingCut


def due(slab: Slab, rows: Int, sweep: Sweep) -> Int:
    """Users that are at risk at the sweep's cut and have not been scored there."""
    rows = rows[slab.last_cut[rows] < sweep.time]
    rows = rows[at_risk(slab, rows, np.full(len(rows), sweep.time))]
    ahead = [(slab.users[row] or "") > sweep.cursor for row in rows.tolist()]
    return rows[np.array(ahead, dtype=np.bool_)]


def keep_examples(slab: Slab, scored: Scored) -> Int:
    """Remember the cuts that become examples; the rows that have one."""
    rows, time = scored.rows, int(scored.at[0])
    place = _places(scored)
    chosen = eligible(slab, rows, time)
    kept = []
    for i in np.flatnonzero(chosen).tolist():
        row = int(rows[i])
        if is_example(slab.spec, slab.users[row] or "", time):
            slab.pending.append(row, _pending(scored, i, int(place[i])))
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def eligible(slab: Slab, rows: Int, time: int) -> Bool:
    """Whether the cut at ``time`` may become an example of each user, bool[n]."""
    rule = slab.spec.labels
    if rule.rule != "inactivity" or rule.within is None:
        return np.ones(len(rows), dtype=np.bool_)
    found: Bool = activity(slab, rows, time - rule.within, time) >= rule.min_events
    return found


def _places(scored: Scored) -> Int:
    """Where each row stands among the stale ones, int64[n]; -1: nothing of it is stale."""
    places = np.full(len(scored.rows), -1, dtype=np.int64)
    if scored.stale is not None:
        places[scored.stale.index] = np.arange(len(scored.stale.index))
    return places


def _pending(scored: Scored, i: int, place: int) -> PendingCut:
    """place: among the stale rows, or -1."""
    record = CutRecord(
        model_version=scored.scorer.version,
        probability=float(scored.probability[i]),
        as_of=tuple(scored.as_of[i].tolist()),
        health=scored.health[i].tobytes(),
        treatment=scored.treatment[i].tobytes(),
        vector=tuple(scored.matrix[i].tolist()),
    )
    if scored.stale is not None and place >= 0:
        record = replace(
            record,
            experts=tuple(scored.experts[place].tolist()),
            ages=tuple(scored.stale.ages[place].tolist()),
        )
    return PendingCut(int(scored.at[i]), record.pack())
