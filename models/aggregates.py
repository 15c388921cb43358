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
    "last_is",
    "last_due_in",
    "due_in",
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
    "user_cycle",
    "day_of_week",
    "day_of_month",
    "season_sin",
    "season_cos",
]
DateUnit = Literal["s", "ms", "us", "days"]
"""How a field holds a date: numbers since 1970 (UTC), or days after the event."""
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
    frozenset(
        {
            "count",
            "sum",
            "mean",
            "min",
            "max",
            "std",
            "distinct",
            "ratio",
            "trend",
            "share",
            "due_in",
        }
    )
    | PERIODIC
    | BASELINE
)
DATED: frozenset[str] = frozenset({"due_in", "last_due_in"})
"""Aggregates of a field that holds a date."""
CONTEXT: frozenset[str] = frozenset(
    {"user_age", "user_cycle", "day_of_week", "day_of_month", "season_sin", "season_cos"}
)
"""Aggregates that need no source."""
LINEAR: frozenset[str] = frozenset(
    {
        "share",
        "last_is",
        "baseline_z",
        "day_of_week",
        "day_of_month",
        "season_sin",
        "season_cos",
    }
)
"""Bounded on a linear scale: a logarithm would only squeeze them."""
