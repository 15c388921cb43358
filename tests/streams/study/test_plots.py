"""The picture of regrets: what is worse is further right, nothing lost is 0, marks can be read."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from streams.study.plots import APART, COLOURS, LEFT, PANEL, picture
from streams.study.results import Results
from streams.study.staleness import Cell

LOSSES = st.floats(0.05, 0.7, allow_subnormal=False)
HALF = 0.05
"""Places are written to a tenth of a pixel."""


@given(latest=LOSSES, degrade=LOSSES, learned=LOSSES)
def test_worse_is_further_right(latest: float, degrade: float, learned: float) -> None:
    losses = {"latest": latest, "degrade": degrade, "learned": learned}
    found = {policy: {"log_loss": loss, "auc": 0.7} for policy, loss in losses.items()}
    drawn = ElementTree.fromstring(
        picture(Results([Cell("late", "logistic", 1, 100, 10, found, 1.0)]), "a & b")
    )
    circles = [e for e in drawn.iter() if e.tag.endswith("circle")][len(losses) :]
    at = {
        policy: float(circle.get("cx", "nan"))
        for policy, circle in zip(losses, circles, strict=True)
    }
    assert [circle.get("fill") for circle in circles] == [COLOURS[policy] for policy in losses]
    assert all(LEFT - HALF <= x <= LEFT + PANEL + HALF for x in at.values())
    for one, other in (("latest", "degrade"), ("degrade", "learned"), ("latest", "learned")):
        if losses[one] < losses[other]:
            assert at[one] <= at[other]
    marks = {
        int(e.text): float(e.get("x", "nan"))
        for e in drawn.iter()
        if e.get("text-anchor") == "middle" and e.text
    }
    best = min(("latest", "degrade"), key=lambda policy: losses[policy])
    assert abs(at[best] - marks[0]) <= 2 * HALF, "the best fixed policy loses nothing"
    places = [marks[value] for value in sorted(marks)]
    assert all(b - a >= APART - 2 * HALF for a, b in pairwise(places))
