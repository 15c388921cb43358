"""Numbers that stand for values of fields in the state: texts, and dates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.aggregates import DateUnit
from models.grid import Bool, Float, Int
from schemas.events import hash_text

_DROPPED = 11
"""Low bits of a hash that a float64 has no room for: 53 are left, which it holds exactly."""
_MICROSECONDS: dict[DateUnit, float] = {"s": 1e6, "ms": 1e3, "us": 1.0, "days": 86_400e6}
_LATEST = 2.0**53


def number_of(value: str | float | bool) -> float:
    """Number that stands for a value; of a text 53 bits of its hash."""
    return float(hash_text(value) >> _DROPPED) if isinstance(value, str) else float(value)


def numbers_of(hashes: NDArray[np.uint64]) -> Float:
    """Numbers that stand for texts, by their hashes; see :func:`number_of`."""
    return (hashes >> np.uint64(_DROPPED)).astype(np.float64)


def dates_of(field: Float, times: Int, unit: DateUnit) -> tuple[Int, Bool]:
    """Dates (microseconds) that a field holds in events of these times, and where it does.

    What lies before 1970, or so far ahead that a float64 cannot hold it, is no date.
    """
    with np.errstate(over="ignore"):
        moments = field * _MICROSECONDS[unit]
    if unit == "days":
        moments += times
    known = (moments > 0) & (moments < _LATEST)  # false for NaN, too
    return np.where(known, np.round(moments), 0).astype(np.int64), known
