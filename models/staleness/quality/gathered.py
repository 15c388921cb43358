"""What a gate gathers between checks, for all stretches of a piece in one pass.

A stretch lies between two checks; the first one, number 0, begins at the last check before the
piece. Which slots are judged by then follows from the watermarks at the checks alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.grid import NEVER, Int
from models.staleness.quality.tally import UNCOUNTED, Records, Tally, Watched, tallies
from models.staleness.runs import numbered, runs

MAX_OPEN: Final = 200
"""Slots before the newest one that are gathered; what is older is applied, but not judged."""


@dataclass(slots=True)
class Gathered:
    """What came in one stretch.

    newest: slot of the newest event by then, NEVER = none came. slots: what came of each that is
    open. late: events by slot, of those judged before. unjudged: events in slots that lie too far
    behind. refused: rejected records by slot and reason.
    """

    newest: int = NEVER
    slots: dict[int, Tally] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)
    unjudged: int = 0
    refused: dict[int, dict[str, int]] = field(default_factory=dict)


def gathered(
    watched: Watched, slot: int, newest: int, judged: Int, records: Records
) -> dict[int, Gathered]:
    """What came in each stretch in which anything came.

    slot: length of one, microseconds. newest: slot of the newest event before the records. judged:
    for each stretch the slot up to which all have been judged.
    """
    found: dict[int, Gathered] = defaultdict(Gathered)
    if records.usable.any():
        _events(found, watched, slot, newest, judged, records)
    if records.rejected:
        _refused(found, slot, judged, records)
    return found


def _events(
    found: dict[int, Gathered],
    watched: Watched,
    slot: int,
    before: int,
    judged: Int,
    records: Records,
) -> None:
    chosen = np.flatnonzero(records.usable)
    stretch, slots = records.stretch[chosen], (records.batch.times[chosen] - 1) // slot
    newest = np.maximum.accumulate(np.maximum(slots, before))
    for number, own in runs(stretch):
        found[number].newest = int(newest[own.stop - 1])
    late = slots <= judged[stretch]
    now = ~late & (slots > newest - MAX_OPEN)
    low, width = int(slots.min()), int(slots.max() - slots.min()) + 1
    cells = stretch * width + (slots - low)
    if not now.all():
        for cell, count in zip(*np.unique(cells[late], return_counts=True), strict=True):
            found[int(cell) // width].late[int(cell) % width + low] = int(count)
        for number in stretch[~late & ~now].tolist():
            found[number].unjudged += 1
    each, place = numbered(cells[now])
    tallied = tallies(watched, records, chosen[now], place, len(each))
    for cell, one in zip(each.tolist(), tallied, strict=True):
        found[cell // width].slots[cell % width + low] = one


def _refused(found: dict[int, Gathered], slot: int, judged: Int, records: Records) -> None:
    reached, stretch = records.reached, records.stretch
    slots = np.maximum((reached - 1) // slot, judged[stretch] + 1)
    for i, (reason, _) in records.rejected.items():
        if reason not in UNCOUNTED and reached[i] != NEVER:
            counts = found[int(stretch[i])].refused.setdefault(int(slots[i]), {})
            counts[reason.value] = counts.get(reason.value, 0) + 1
