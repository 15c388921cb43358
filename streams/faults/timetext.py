"""A time as a source's own records write it."""

from __future__ import annotations

from schemas.mapping import TimeMapping
from schemas.times import format_time

_PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}


def written(mapping: TimeMapping, time: int) -> int | float | str:
    """Write a time (µs since the epoch) as the mapping reads it."""
    if mapping.unit == "rfc3339":
        return format_time(time)
    unit = _PER_UNIT[mapping.unit]
    return time / unit if time % unit else time // unit
