"""The demo's simulated product with habits that change: no drift, sudden, gradual, seasonal.

What drifts is the concept: what makes users cancel, while what they do stays as it is. Before, an
unpaid invoice and an angry wait are what drives them away, and use hardly tells; after, it is the
other way round. The rate of cancelling stays of the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from streams.demo.world import Habits

DAYS = 420
REPORT_DAY = 100
"""Before this day is for choosing."""
USERS = 1200
PERIOD_DAYS = 120.0
SUDDEN_DAY = 240.0
GRADUAL_DAYS = (150.0, 330.0)

BEFORE = Habits(users=USERS, sessions=1.2, hazard=0.0035, hazard_mood=0.2)
AFTER = replace(BEFORE, hazard=0.0013, hazard_mood=1.5, hazard_unpaid=1.2, hazard_angry=1.2)

Share = Callable[[float], float]
"""How far the world has turned from BEFORE to AFTER (0 to 1), by the day."""

DRIFTS: dict[str, Share] = {
    "none": lambda _day: 0.0,
    "sudden": lambda day: float(day >= SUDDEN_DAY),
    "gradual": lambda day: min(
        1.0, max(0.0, (day - GRADUAL_DAYS[0]) / (GRADUAL_DAYS[1] - GRADUAL_DAYS[0]))
    ),
    "seasonal": lambda day: (1.0 - math.cos(2 * math.pi * day / PERIOD_DAYS)) / 2,
}


def habits(drift: str, day: float) -> Habits:
    """How users behave on a day: geometric between BEFORE and AFTER."""
    share = DRIFTS[drift](day)

    def between(name: str) -> float:
        low, high = float(getattr(BEFORE, name)), float(getattr(AFTER, name))
        return float(low ** (1 - share) * high**share)

    names = ("hazard", "hazard_mood", "hazard_unpaid", "hazard_angry")
    return replace(BEFORE, **{name: between(name) for name in names})  # type: ignore[arg-type]
