"""From when on a user's earlier windows count."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from models.features.baseline import baseline_z
from models.spec import FeatureSpec
from tests.models.engine.story import QUIZ, S, at, event
from tests.models.features.test_vector import NOW, PATIENT, ingested

USUAL = replace(
    PATIENT,
    features=(
        FeatureSpec("all", "baseline_ratio", "usage", window=10 * S, over=40 * S),
        FeatureSpec("quiz", "baseline_ratio", "usage", where=QUIZ, window=10 * S, over=40 * S),
    ),
)


def usual(*times: float, kinds: str = "") -> list[float]:
    """Ratios as of 200 with events at these times; kinds: q for each that is a quiz."""
    events = [
        event("usage", NOW, "a", t, k="quiz" if kind == "q" else "other", id=str(i))
        for i, (t, kind) in enumerate(zip(times, kinds.ljust(len(times), "q"), strict=True))
    ]
    return ingested(USUAL, events, 1).vector("a", at(NOW), [at(200)] * 3)[0]


def test_a_window_that_begins_with_the_first_event_counts() -> None:
    assert usual(180, 185, 195)[0] == 1
    assert math.isnan(usual(180.000001, 185, 195)[0])


def test_the_first_event_is_the_first_that_matches() -> None:
    whole, quizzes = usual(160, 175, 185, 195, kinds="oqqq")
    assert whole == pytest.approx(1 / (2 / 3))
    assert quizzes == 1  # (180, 190] alone lies after the first quiz


def test_what_never_varied_is_as_usual_or_farthest() -> None:
    totals = np.array([[2.0, 2, 2], [3, 2, 2], [1, 2, 2], [0.3, 0.1 + 0.2, 0.3]])
    counted = np.ones((4, 2), dtype=np.bool_)
    assert baseline_z(totals, counted).tolist() == [0, 10, -10, 0]
