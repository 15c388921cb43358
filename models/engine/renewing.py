"""Renewing scores: late data has landed, and who was scored without it is scored again.

A score that is told while a source is not fresh leaves a note with its user, in
models.state.renewable; the next score of the user, whatever causes it, replaces or removes it. So a
note is always about the newest one. Past scores stay as they were: a renewed one is a new score at
the present clock, which names the score that it supersedes. It makes no example, and delays no
other score.

It goes in *rounds* through the users at risk, a limited number of them at each check of the
sources. A source's round begins when two checks in a row have found it fresh, with nothing old
coming in any more (models.staleness.evidence): a backlog that begins with the newest data makes a
source fresh before it has landed.

Whether there is anything to renew is told from the health at cuts and, with scores on events, at
the ends of epochs; only then does a batch stop at the checks. So what a round depends on changes at
points of time alone, and users' notes are durable with the scores that they are about: a replay, in
other pieces or after a crash in the middle of a write, renews the same scores at the same times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.engine.checks import Checks
from models.engine.points import CUT, Point
from models.engine.state import PartitionState
from models.engine.weighing import Scored
from models.grid import Bool, Int
from models.spec import Spec
from models.staleness.health import FRESH, UNKNOWN
from models.state.membership import at_risk
from models.state.slab import Slab

CAUSE = "renewal:"
"""Begins the cause of a renewed score; the sources that have come back follow."""


def look_round(slab: Slab, state: PartitionState, checks: Checks, point: Point) -> None:
    """At a cut; with scores on events at the end of an epoch too: are scores told without a source?

    A source that was never seen is not late, nor is one that no feature is read from.
    """
    scoring, read = slab.spec.scoring, slab.plan.read
    if scoring.renew and (point.kind == CUT or scoring.on_event is not None):
        codes = checks.health_now(point.time, checks.marks(point.time))
        late = [s for s, code in enumerate(codes) if code not in (FRESH, UNKNOWN) and read[s]]
        state.renewal.owe(late)


def plan(state: PartitionState, checks: Checks, time: int) -> None:
    """Behind a check: is a round to begin, or to go on? Where a cut falls on the check, later."""
    codes = checks.health_now(time, checks.marks(time))
    evidence = [source.evidence for source in state.sources]
    settled = [s for s, c in enumerate(codes) if c == FRESH and not evidence[s].landing]
    state.renewal.plan(settled, None if state.next_cut == time else time)


def remember(slab: Slab, scored: Scored, ids: Sequence[str]) -> Int:
    """Note newest scores that may be renewed, forget notes of older ones; rows that have changed.

    ids: of the scores. A row may have been scored several times.
    """
    notes, stale = slab.renewable, _without(scored)
    newest = _newest(scored.rows)
    rows, waits = scored.rows[newest], stale[newest].any(axis=1)
    chosen = newest[waits]
    over = rows[~waits]
    over = over[notes.holding(over)]
    notes.clear(over)
    if len(chosen):
        kept = [ids[i] for i in chosen.tolist()]
        notes.put(rows[waits], scored.at[chosen], kept, stale[chosen])
    return np.concatenate([over, rows[waits]])


def due(slab: Slab, rows: Int, time: int, sources: Sequence[int], beyond: tuple[str, str]) -> Int:
    """Users whose newest score is to be renewed at ``time``.

    sources: that have come back. beyond: after the first name, up to the second ("": to the end).
    Scores whose horizon is over are left alone.
    """
    rows = rows[slab.renewable.holding(rows)]
    if len(rows) == 0:
        return rows
    told, stale = slab.renewable.told(rows)
    wanted = (told < time) & (told > time - slab.spec.labels.horizon)
    wanted &= stale[:, list(sources)].any(axis=1) & (slab.last_cut[rows] < time)
    rows = rows[wanted]
    rows = rows[at_risk(slab, rows, np.full(len(rows), time))]
    after, until = beyond
    inside = [after < name and (not until or name <= until) for name in slab.names(rows)]
    return rows[np.array(inside, dtype=np.bool_)]


def causes(spec: Spec, slab: Slab, rows: Int, sources: Sequence[int]) -> list[str]:
    """Causes of the scores that are going to renew the rows' newest ones."""
    back = slab.renewable.told(rows)[1][:, list(sources)]
    names = [spec.sources[s].name for s in sources]
    said = ["+".join(n for n, b in zip(names, row, strict=True) if b) for row in back.tolist()]
    return [CAUSE + text for text in said]


def superseded(slab: Slab, rows: Int) -> list[str]:
    """Ids of the scores that are renewed."""
    return [slab.renewable[row].id for row in rows.tolist()]


def _without(scored: Scored) -> Bool:
    """Sources that each score was told without, bool[n, sources]; see :func:`look_round`."""
    found: Bool = np.zeros(scored.health.shape, dtype=np.bool_)
    if scored.stale is not None:
        index = scored.stale.index
        found[index] = scored.stale.stale & (scored.health[index] != UNKNOWN)
    return found


def _newest(rows: Int) -> Int:
    """Place of the last occurrence of each row."""
    _, last = np.unique(rows[::-1], return_index=True)
    newest: Int = len(rows) - 1 - last
    return newest
