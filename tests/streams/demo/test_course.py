"""The course of scores: means and parts of policies, against sums over single scores."""

from __future__ import annotations

import pytest

from streams.demo.course import CutCourse, point
from streams.demo.evidence import SeenScore


def seen(probability: float, treatment: str, weights: dict[str, float]) -> SeenScore:
    return SeenScore(
        id="x",
        user="u",
        time=0,
        cause="schedule",
        probability=probability,
        version=1,
        states={"usage": ("stalled", treatment), "billing": ("fresh", "current")},
        digest=b"",
        weights=tuple(weights.items()),
    )


def test_parts_of_policies_count_users_without_any():
    course = CutCourse()
    for score in (
        seen(0.1, "mixed", {"latest": 0.25, "nowcast": 0.75}),
        seen(0.2, "mixed", {"latest": 1.0}),
        seen(0.6, "current", {}),
        seen(0.3, "current", {}),
    ):
        course.take(score)
    found = point(7, course)
    assert found.cut == 7
    assert found.mean == pytest.approx(0.3)
    assert found.weights == pytest.approx({"latest": 1.25 / 4, "nowcast": 0.75 / 4})
    assert found.treatments["billing"] == "current"


def test_the_treatment_is_that_of_most_users():
    course = CutCourse()
    for treatment in ("mixed", "masked", "masked"):
        course.take(seen(0.1, treatment, {}))
    assert point(0, course).treatments["usage"] == "masked"
