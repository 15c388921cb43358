"""The aggregates that a feature can be, by what they look at. docs/features.md defines each."""

from __future__ import annotations

from typing import Literal

Aggregate = Literal[
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "std",
    "last",
    "first_seen_age",
    "last_seen_age",
    "distinct",
    "ratio",
    "trend",
    "share",
    "active_periods",
    "streak",
    "longest_streak",
    "gap_mean",
    "gap_std",
    "gap_max",
    "gap_ratio",
    "baseline_ratio",
    "baseline_z",
    "user_age",
    "day_of_week",
]
PERIODIC: frozenset[str] = frozenset(
    {
        "active_periods",
        "streak",
        "longest_streak",
        "gap_mean",
        "gap_std",
        "gap_max",
        "gap_ratio",
    }
)
"""Aggregates of which periods of a window had an event."""
BASELINE: frozenset[str] = frozenset({"baseline_ratio", "baseline_z"})
"""Aggregates that compare a window with the user's own windows before it."""
WINDOWED: frozenset[str] = (
    frozenset({"count", "sum", "mean", "min", "max", "std", "distinct", "ratio", "trend", "share"})
    | PERIODIC
    | BASELINE
)
CONTEXT: frozenset[str] = frozenset({"user_age", "day_of_week"})
"""Aggregates that need no source."""
