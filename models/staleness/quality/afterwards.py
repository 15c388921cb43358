"""Events that come for slots that have been judged: what was missing, or what was there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.staleness.quality.trials import DROPPED

if TYPE_CHECKING:
    from models.staleness.quality.gate import Gate

COMPLETE: Final = 0.8
"""Where too little had come, it is whole again with this part of the expected events."""
MISSED: Final = 0.1
"""And at least this part of them has come since."""
TOO_MANY: Final = 1.25
"""Part of the expected events beyond which there are too many, when more come."""
ONLY: Final = "volume: only "
"""How the reason of an interval begins in which too little had come."""


def look_back(gate: Gate, time: int) -> None:
    """Accept what has been completed; write down what has come twice."""
    _complete(gate)
    if gate.state.late and "duplicates" in gate.spec.tests:
        _twice(gate, time)
    gate.state.late = False


def _complete(gate: Gate) -> None:
    """Intervals whose only fault was that too little had come, where it has come since.

    As long as all of their slots still take late events, but for one at the edge.
    """
    for one in gate.intervals.known:
        if one.state != "closed" or one.end is None:
            continue
        if not one.reason.startswith(ONLY) or ";" in one.reason:
            continue
        inside = {
            int(slot) * gate.slot: known
            for slot, known in gate.state.past.items()
            if one.begin <= int(slot) * gate.slot < one.end and known[1] >= 0
        }
        expected, more = sum(k[1] for k in inside.values()), sum(k[2] for k in inside.values())
        here = more + sum(k[0] for k in inside.values())
        whole = min(inside, default=one.end) <= one.begin + gate.slot
        if whole and more >= MISSED * expected and here >= COMPLETE * expected:
            one.state = "accepted"
            one.reason += "; what was missing has come"


def _twice(gate: Gate, time: int) -> None:
    """Slots that were complete when they were judged, and of which much came once more."""
    doubtful = {
        int(slot): known
        for slot, known in gate.state.past.items()
        if known[2] > 0 and known[0] >= COMPLETE * known[1] >= 0 and not gate.touched(int(slot))
    }
    more = sum(late for _, _, late in doubtful.values())
    here = more + sum(n for n, _, _ in doubtful.values())
    expected = sum(e for _, e, _ in doubtful.values())
    too_many = more >= gate.spec.min_samples and here > TOO_MANY * expected
    if not too_many or not gate.court.late(more, here):
        return
    begin, end = min(doubtful) * gate.slot, (max(doubtful) + 1) * gate.slot
    reason = f"replayed: {more} events more where {here - more} had come before"
    if gate.watched.by_id:
        gate.note(begin, end, f"{reason}; {DROPPED}", time, state="accepted")
    else:
        gate.note(begin, end, reason, time, state="closed")
