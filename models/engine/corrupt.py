"""What intervals of wrong data mean for vectors and examples.

Who has one in a window, as scored or as completed, is no example to learn from; nor is one whose
label was decided by data that is wrong. Values of the whole past that an interval may have changed
are left out of vectors for as long as nobody decides (models.features.remaining), but learning goes
on without them: windows pass, the past does not, and one alarm would else be the end of learning.
"""

from __future__ import annotations

from models.engine.state import PartitionState
from models.features.remaining import Stretches
from models.learning.touching import reach_of, touches, windows_of
from models.spec import Spec
from models.staleness.health import CORRUPT
from models.staleness.policy import REMAINING
from models.state.cuts import CutRecord


def excluded_of(state: PartitionState) -> tuple[Stretches, ...]:
    """For each source the intervals that windows leave out; () where there are none at all."""
    if not any(source.corrupt.known for source in state.sources):
        return ()
    found = tuple(source.corrupt.excluded for source in state.sources)
    return found if any(found) else ()


def scored_wrong(spec: Spec, state: PartitionState, cut: CutRecord, time: int) -> set[int]:
    """Sources that were wrong in a cut's vector as scored, or are in its label.

    Marked then, or found out only later: then whatever could have held a wrong event counts.
    """
    wrong = set()
    for s, source in enumerate(state.sources):
        marked = cut.health[s] == CORRUPT or (
            cut.treatment[s] == REMAINING and _in_windows(spec, state, s, cut.as_of[s])
        )
        late = any(
            time < one.noticed
            and one.state != "accepted"
            and touches(reach_of(spec, s), cut.as_of[s], one.begin, one.end)
            for one in source.corrupt.known
        )
        if marked or late or (_decides(spec, s) and _label_wrong(spec, state, s, time)):
            wrong.add(s)
    return wrong


def _in_windows(spec: Spec, state: PartitionState, s: int, as_of: int) -> bool:
    reach, known = windows_of(spec, s), state.sources[s].corrupt.known
    return any(touches(reach, as_of, one.begin, one.end) for one in known)


def _decides(spec: Spec, s: int) -> bool:
    return spec.sources[s].name in spec.labels.sources


def _label_wrong(spec: Spec, state: PartitionState, s: int, time: int) -> bool:
    until = time + spec.labels.horizon
    return any(begin < until and end > time for begin, end in state.sources[s].corrupt.excluded)
