"""What lateness would change, asked in a replay, is what it does change in a log that is late."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.engine.weighing import Scored
from models.grid import Float
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


def observed(log: Log, faults: bool, see: Callable[[Slab, Scored], None]) -> list[bytes]:
    condition, outputs = late("billing", LAG), list[bytes]()
    replay = Replay(SPEC, Prior(SPEC), lambda found: outputs.extend(o.value for o in found))
    replay.engine.desk.observer = see
    replay.run(log.arriving(condition.read(SPEC, log.first) if faults else {}))
    return outputs


def test_a_source_read_late_is_read_as_when_it_is_late(log: Log) -> None:
    asked, really = Read(), Read()
    lateness = Lateness(SPEC, [], 0)

    def ask(slab: Slab, scored: Scored) -> None:
        note(asked, slab, lateness.looked(slab, scored, "billing", LAG))

    def note(found: Read, slab: Slab, scored: Scored) -> None:
        marks = scored.watermarks[:, SPEC.source_index("billing")].tolist()
        users = slab.names(scored.rows)
        for user, at, mark, row in zip(
            users, scored.at.tolist(), marks, scored.matrix, strict=True
        ):
            found[user, at, mark] = row

    observed(log, False, ask)
    observed(log, True, lambda slab, scored: note(really, slab, scored))
    common = asked.keys() & really.keys()
    assert len(common) > 50
    for key in common:
        np.testing.assert_array_equal(asked[key][BILLING], really[key][BILLING], str(key))
    assert any(np.nansum(asked[key][BILLING]) > 0 for key in common), "there is something to see"


def test_asking_changes_nothing(log: Log) -> None:
    every = variants(SPEC, (DAY, 7 * DAY), features=True)
    asked = observed(log, False, Lateness(SPEC, every, 0).scored)
    assert asked == observed(log, False, lambda *_: None)
