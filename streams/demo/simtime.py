"""Where simulated time begins, and how it is told to people."""

from __future__ import annotations

from schemas.times import DAY, parse_time

START = parse_time("2023-01-02T00:00:00Z")
"""A Monday, fixed so that a seed always gives the same events."""


def day_of(time: int) -> float:
    """Simulated days since the start.

    >>> day_of(START + DAY * 3 // 2)
    1.5
    """
    return (time - START) / DAY
