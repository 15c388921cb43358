"""What came of a cut: churn in (T, T + H], decided when the cut has matured.

Explicit outcomes: the FIRST ``churn`` or ``leave`` in (T, T + H] decides; churn first among
equal times. ``leave`` is a competing event: a negative, or (``censor``) any leave inside the
horizon removes the cut, for both classes. Inactivity: positive = no event of the named sources
in (T, T + D].
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from models.features.ragged import owners
from models.grid import Int
from models.spec import LabelSpec
from models.state.slab import CHURN, LEAVE, RETURN, Outcome, Slab

_AT_THE_END = {RETURN: 0, LEAVE: 1, CHURN: 2}


def outcome_label(rule: LabelSpec, time: int, outcomes: Iterable[Outcome]) -> int | None:
    """Label of a cut at ``time`` by explicit outcomes; None = the cut is removed.

    >>> rule = LabelSpec("outcome", horizon=10, sources=("o",))
    >>> outcome_label(rule, 0, [Outcome(10, CHURN)]), outcome_label(rule, 0, [Outcome(11, CHURN)])
    (1, 0)
    """
    inside = [o for o in outcomes if time < o.time <= time + rule.horizon and o.kind != RETURN]
    if rule.leave == "censor" and any(o.kind == LEAVE for o in inside):
        return None
    first = min(inside, key=lambda o: (o.time, o.kind), default=None)
    return int(first is not None and first.kind == CHURN)


def activity(slab: Slab, rows: Int, after: int, until: int) -> Int:
    """Events of the label's sources in (after, until], int64[n]; both on the grid."""
    grid = slab.spec.grid
    total = np.zeros(len(rows))
    for source, selection in slab.plan.label_counts:
        ring = slab.rings[source]
        entries, lengths = ring.pool.entries(rows)
        ids = ring.pool.ids[entries]
        inside = (ids >= after // grid) & (ids < until // grid)
        counted = ring.column("count", selection)[entries] * inside
        total += np.bincount(owners(lengths), weights=counted, minlength=len(rows))
    return total.astype(np.int64)


def not_ended(outcomes: Iterable[Outcome], at: int) -> bool:
    """Whether a user who entered is still a user at ``at``: the last outcome was no end.

    Among outcomes of the same time an end counts after a return.
    """
    known = [o for o in outcomes if o.time <= at]
    if not known:
        return True
    return max(known, key=lambda o: (o.time, _AT_THE_END[o.kind])).kind == RETURN


def returns_after(outcomes: Iterable[Outcome], at: int) -> bool:
    """Whether a return is known that lies after ``at``."""
    return any(o.kind == RETURN and o.time > at for o in outcomes)
