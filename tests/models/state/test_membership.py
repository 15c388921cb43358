"""Who is at risk, who belongs into the index, when those who are gone may be forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.features.plan import lifetime, make_plan
from models.spec import PopulationSpec
from models.state.membership import MAX_OUTCOMES, at_risk, belongs, expires, note_outcomes
from models.state.slab import CHURN, LEAVE, RETURN, Outcome, Slab
from tests.models.engine.story import SPEC, S, at

PATIENCE = 70 * S
SILENCE = replace(SPEC, population=PopulationSpec(inactivity=PATIENCE))


@pytest.fixture
def slab() -> Slab:
    """User a entered at 10 and was seen last at 30."""
    made = Slab(make_plan(SILENCE))
    made.make(["a"])
    made.entered[:], made.last_seen[:] = at(10), at(30)
    made.rings[0].newest[:] = at(30)
    return made


def ask(slab: Slab, *seconds: float) -> list[bool]:
    rows = np.repeat(slab.row_of(["a"]), len(seconds))
    return at_risk(slab, rows, np.array([at(t) for t in seconds])).tolist()


def note(slab: Slab, *found: tuple[float, int]) -> None:
    times, kinds = (np.array(part) for part in zip(*((at(t), k) for t, k in found), strict=True))
    note_outcomes(slab, np.repeat(slab.row_of(["a"]), len(found)), times, kinds)


def test_at_risk_from_entry_until_the_silence_has_lasted(slab: Slab) -> None:
    assert ask(slab, 9.9, 10, 30, 100, 100.001) == [False, True, True, True, False]


def test_an_end_ends_and_a_return_re_enters(slab: Slab) -> None:
    note(slab, (40, CHURN), (60, RETURN), (80, LEAVE))
    assert ask(slab, 39, 40, 59, 60, 79, 80) == [True, False, False, True, True, False]


def test_who_comes_later_belongs_already(slab: Slab) -> None:
    rows = slab.row_of(["a"])
    assert belongs(slab, rows, np.array([at(5)])).all()
    note(slab, (40, CHURN), (60, RETURN))
    assert belongs(slab, rows, np.array([at(50)])).all()
    assert not at_risk(slab, rows, np.array([at(50)])).any()
    note(slab, (61, LEAVE))
    assert not belongs(slab, rows, np.array([at(70)])).any()
    assert not belongs(slab, rows, np.array([at(131)])).any()


def test_users_are_forgotten_by_their_own_events_times(slab: Slab) -> None:
    rows = slab.row_of(["a"])
    assert expires(slab, rows).tolist() == [at(30) + PATIENCE + lifetime(SILENCE)]
    slab.rings[2].newest[rows] = at(90)
    assert expires(slab, rows).tolist() == [at(90) + PATIENCE + lifetime(SILENCE)]


def test_outcomes_are_kept_in_time_order_once_each_and_bounded(slab: Slab) -> None:
    note(slab, (40, LEAVE), (20, RETURN), (40, CHURN), (40, LEAVE))
    row = int(slab.row_of(["a"])[0])
    assert slab.outcomes[row] == [
        Outcome(at(20), RETURN),
        Outcome(at(40), CHURN),
        Outcome(at(40), LEAVE),
    ]
    note(slab, *((100 + i, RETURN) for i in range(MAX_OUTCOMES)))
    assert len(slab.outcomes[row]) == MAX_OUTCOMES
    assert slab.outcomes[row][0].time == at(100)
