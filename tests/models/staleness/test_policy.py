"""The as-of times of the policy ``latest``."""

from __future__ import annotations

import numpy as np
import pytest

from models.grid import NEVER
from models.staleness.health import HEALTH
from models.staleness.policy import TREATMENT, latest, treated
from tests.models.engine.story import at


@pytest.mark.parametrize(
    ("health", "treatment"),
    [
        ("fresh", "current"),
        ("lagging", "latest"),
        ("stalled", "latest"),
        ("corrupt", "latest"),
        ("unknown", "masked"),
    ],
)
def test_only_a_fresh_source_is_read_at_the_score_time(health: str, treatment: str) -> None:
    mark = NEVER if health == "unknown" else at(80)
    codes = np.array([[list(map(str, HEALTH)).index(health), 0]], dtype=np.uint8)
    as_of = latest(np.array([at(100)]), np.array([[mark, at(90)]]), codes)
    assert TREATMENT[treated(codes)[0, 0]] == treatment
    assert as_of[0].tolist() == [at(100) if health == "fresh" else mark, at(100)]
