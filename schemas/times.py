"""Times and durations: int64 microseconds inside, RFC 3339 and ``1h30m`` at the edges.

The Gregorian calendar is computed here rather than by `datetime`, so that one definition
(strict, years 0000 to 9999, leap seconds) holds for single values and for whole columns.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", int, NDArray[np.int64])

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

MIN_TIME = 315_532_800 * SECOND
"""1980-01-01T00:00:00Z: an event before this has a wrong clock or a wrong unit."""
MAX_TIME = 7_258_118_400 * SECOND
"""2200-01-01T00:00:00Z, exclusive: see MIN_TIME."""
MAX_DURATION = 36_525 * DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?"
)
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_UNITS = {
    "w": WEEK,
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": 1000,
    "us": 1,
}
_DURATION = re.compile("".join(rf"(?:([0-9]+){unit} ?)?" for unit in _UNITS))
DURATION_HINT = 'a string such as "90s", "1h30m" or "28d" (units w d h m s ms us)'


class TimeError(ValueError):
    """A time or duration that cannot be read; the message says why."""


class NaiveTimeError(TimeError):
    """A time without an offset where no zone is given."""


def parse_time(text: str, zone: tzinfo | None = None) -> int:
    """Read an RFC 3339 time as microseconds; digits beyond the sixth are cut off.

    zone: taken for times without an offset, which are an error without it. Where clocks are set
    back, the first of the two moments is meant.

    >>> parse_time("1970-01-01T01:00:00.5+01:00")
    500000
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise TimeError("not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    _check_ranges(year, month, day, hour, minute, second)
    local = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    seconds = local - _offset_seconds(match, local, zone)
    if second == 60 and seconds % 86_400:
        raise TimeError("second 60 outside a leap second")
    return seconds * SECOND + int((match[7] or "0")[:6].ljust(6, "0"))


def days_from_civil(year: N, month: N, day: N) -> N:
    """Days since 1970-01-01 of dates in the proleptic Gregorian calendar: one, or a column.

    >>> days_from_civil(2000, 3, 1)
    11017
    """
    shifted = year - (month <= 2)
    era_days = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    return era_days + (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - 719_468


def format_time(time: int) -> str:
    """Write microseconds as RFC 3339 in UTC, with as many decimals (0, 3, 6) as are needed.

    >>> format_time(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    return _format(int(time))


def parse_duration(text: str) -> int:
    """Read ``2w``, ``28d``, ``1h30m``, ``100ms`` as microseconds.

    >>> parse_duration("1h30m") // MINUTE
    90
    """
    match = _DURATION.fullmatch(text)
    if match is None or match.lastindex is None:
        raise TimeError(f"{text!r} is not a duration: write {DURATION_HINT}")
    total = sum(int(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n)
    if total > MAX_DURATION:
        raise TimeError(f"{text!r} is longer than 100 years")
    return total


def format_duration(duration: int) -> str:
    """Write microseconds the short way.

    >>> format_duration(36 * HOUR), format_duration(0)
    ('1d12h', '0s')
    """
    if duration < 0:
        return "-" + format_duration(-duration)
    parts = []
    for name, unit in _UNITS.items():
        if unit == WEEK:
            continue
        count, duration = divmod(duration, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"


@lru_cache(maxsize=4096)
def _format(time: int) -> str:
    try:
        moment = (_EPOCH + timedelta(microseconds=time)).replace(tzinfo=None)
    except OverflowError:
        raise TimeError(f"{time} microseconds lie outside the years 1 to 9999") from None
    if time % SECOND == 0:
        return moment.isoformat(timespec="seconds") + "Z"
    return moment.isoformat(timespec="auto" if time % 1000 else "milliseconds") + "Z"


def _check_ranges(year: int, month: int, day: int, hour: int, minute: int, second: int) -> None:
    if not 1 <= month <= 12:
        raise TimeError(f"there is no month {month}")
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= MONTH_DAYS[month - 1] + leap:
        raise TimeError(f"there is no day {day} in month {month} of {year}")
    if hour > 23 or minute > 59 or second > 60:
        raise TimeError("the time of day is out of range")


def _offset_seconds(match: re.Match[str], local: int, zone: tzinfo | None) -> int:
    if match[8]:
        return 0
    if match[9]:
        hours, minutes = int(match[10]), int(match[11])
        if hours > 23 or minutes > 59:
            raise TimeError("the offset is out of range")
        return (hours * 60 + minutes) * (-60 if match[9] == "-" else 60)
    if zone is None:
        raise NaiveTimeError(
            "the time has no offset: send one (Z or +01:00), or name the source's zone in the "
            'configuration: time = { path = …, unit = "rfc3339", zone = "Europe/London" }'
        )
    return zone_offset(zone, local)


def zone_offset(zone: tzinfo, local: int) -> int:
    """Offset of a zone, in seconds, when its own clock shows ``local`` seconds since 1970.

    0 outside the years that `datetime` knows.
    """
    try:
        moment = _EPOCH + timedelta(seconds=local)
        offset = zone.utcoffset(moment.replace(tzinfo=None))
    except OverflowError:
        return 0
    return 0 if offset is None else round(offset.total_seconds())
