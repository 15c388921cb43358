"""What lateness would change, asked in a replay, is what it does change in a log that is late."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from models.engine.desk import Observer
from models.engine.weighing import Scored
from models.features.remaining import Stretches
from models.grid import Float
from models.staleness.corruption import Interval
from models.state.slab import Slab
from schemas.times import DAY
from streams.replay import Prior, Replay
from streams.study.conditions import late
from streams.study.lateness import Lateness
from streams.study.logs import Log
from streams.study.variants import variants
from streams.study.worlds import World, specification

SPEC = specification()
LAG = 2 * DAY
NAMES = [feature.name for feature in SPEC.features]
BILLING = [j for j, feature in enumerate(SPEC.features) if feature.source == "billing"]
Read = dict[tuple[str, int, int], Float]
"""(user, cut, how far billing is known) → features."""


@pytest.fixture(scope="module")
def log() -> Log:
    return World(days=14, users=14).log(SPEC, 421)


def observed(
    log: Log, faults: bool, see: Observer, prepare: Callable[[Replay], None] = lambda _: None
) -> list[bytes]:
    condition, outputs = late("billing", LAG), list[bytes]()
    replay = Replay(SPEC, Prior(SPEC), lambda found: outputs.extend(o.value for o in found))
    replay.engine.desk.observer = see
    prepare(replay)
    replay.run(log.arriving(condition.read(SPEC, log.first) if faults else {}))
    return outputs


def test_a_source_read_late_is_read_as_when_it_is_late(log: Log) -> None:
    asked, really = Read(), Read()
    lateness = Lateness(SPEC, [], 0)

    def ask(slab: Slab, scored: Scored, excluded: Sequence[Stretches]) -> None:
        note(asked, slab, lateness.looked(slab, scored, excluded, "billing", LAG))

    def note(found: Read, slab: Slab, scored: Scored) -> None:
        marks = scored.watermarks[:, SPEC.source_index("billing")].tolist()
        users = slab.names(scored.rows)
        for user, at, mark, row in zip(
            users, scored.at.tolist(), marks, scored.matrix, strict=True
        ):
            found[user, at, mark] = row

    observed(log, False, ask)
    observed(log, True, lambda slab, scored, _: note(really, slab, scored))
    common = asked.keys() & really.keys()
    assert len(common) > 50
    for key in common:
        np.testing.assert_array_equal(asked[key][BILLING], really[key][BILLING], str(key))
    assert any(np.nansum(asked[key][BILLING]) > 0 for key in common), "there is something to see"


def test_asking_changes_nothing(log: Log) -> None:
    every = variants(SPEC, (DAY, 7 * DAY), features=True)
    asked = observed(log, False, Lateness(SPEC, every, 0).scored)
    assert asked == observed(log, False, lambda *_: None)


def test_wrong_data_that_was_left_out_stays_out(log: Log) -> None:
    """With one source late the others are read as they were."""
    lateness, wrong = Lateness(SPEC, [], 0), log.first * 1000 + 5 * DAY
    usage = [j for j, feature in enumerate(SPEC.features) if feature.source == "usage"]
    unknown = 0

    def mark(replay: Replay) -> None:
        interval = Interval("x", wrong, wrong + DAY, "closed", "units", wrong, "gate")
        replay.engine.state.sources[SPEC.source_index("usage")].corrupt.add(interval)

    def see(slab: Slab, scored: Scored, excluded: Sequence[Stretches]) -> None:
        nonlocal unknown
        asked = lateness.looked(slab, scored, excluded, "billing", LAG)
        np.testing.assert_array_equal(asked.matrix[:, usage], scored.matrix[:, usage])
        unknown += int(np.isnan(scored.matrix[:, usage]).sum())

    observed(log, False, see, mark)
    assert unknown > 100, "there is something to leave out"
