"""Health by a bound, and the as-of times of the policy ``latest``."""

from __future__ import annotations

import numpy as np
import pytest

from models.grid import NEVER
from models.staleness.policy import HEALTH, TREATMENT, health_of, latest, treated
from tests.models.engine.story import SPEC, S, at


@pytest.mark.parametrize(
    ("staleness", "health", "treatment"),
    [(-3, "fresh", "current"), (15, "fresh", "current"), (15.001, "stalled", "latest")],
)
def test_a_source_is_stalled_beyond_its_bound(
    staleness: float, health: str, treatment: str
) -> None:
    clocks, marks = np.array([at(100)]), np.array([[at(100 - staleness), at(100), at(100)]])
    codes = health_of(SPEC, clocks, marks)
    as_of, treatments = latest(clocks, marks, codes), treated(codes)
    assert HEALTH[codes[0, 0]] == health
    assert TREATMENT[treatments[0, 0]] == treatment
    assert as_of[0, 0] == (at(100) if health == "fresh" else at(100 - staleness))


def test_each_source_has_its_own_bound_and_each_row_its_own_clock() -> None:
    clocks = np.array([at(100), at(130)])
    marks = np.full((2, 3), at(90))
    names = [[HEALTH[c] for c in row] for row in health_of(SPEC, clocks, marks)]
    assert names == [["fresh"] * 3, ["stalled", "stalled", "fresh"]]
    assert [s.stale_after // S for s in SPEC.sources] == [15, 25, 40]


def test_an_unknown_source_is_not_read() -> None:
    clocks, marks = np.array([at(100)]), np.array([[NEVER, at(100), at(100)]])
    codes = health_of(SPEC, clocks, marks)
    as_of, treatments = latest(clocks, marks, codes), treated(codes)
    assert HEALTH[codes[0, 0]] == "unknown"
    assert TREATMENT[treatments[0, 0]] == "masked"
    assert as_of[0].tolist() == [NEVER, at(100), at(100)]
