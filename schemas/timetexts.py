"""A column of times as texts: RFC 3339 in UTC, digit by digit, all rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.times import DAY, SECOND, format_time

_WIDTH = len("2026-01-31T12:00:00.000000Z")
_PLACES = {"hour": 11, "minute": 14, "second": 17, "decimals": 20}
_DATE = len("2026-01-31")
_ZERO = ord("0")


def format_times(times: NDArray[np.int64]) -> list[bytes]:
    """Write each time as :func:`schemas.times.format_time` does. Raises TimeError like it.

    >>> format_times(np.array([0, 1_500_000]))
    [b'1970-01-01T00:00:00Z', b'1970-01-01T00:00:01.500Z']
    """
    days, inside = np.divmod(times, DAY)
    seconds, micros = np.divmod(inside, SECOND)
    texts = np.zeros((len(times), _WIDTH), dtype=np.uint8)
    _write_dates(texts, days)
    texts[:, _DATE], texts[:, [13, 16]], texts[:, 19] = ord("T"), ord(":"), ord(".")
    _write(texts, _PLACES["hour"], 2, seconds // 3600)
    _write(texts, _PLACES["minute"], 2, seconds // 60 % 60)
    _write(texts, _PLACES["second"], 2, seconds % 60)
    _write(texts, _PLACES["decimals"], 6, micros)
    _end(texts, 26, np.ones(len(times), dtype=np.bool_))
    _end(texts, 23, micros % 1000 == 0)
    _end(texts, 19, micros == 0)
    found: list[bytes] = texts.view(f"S{_WIDTH}").ravel().tolist()
    return found


def _write_dates(texts: NDArray[np.uint8], days: NDArray[np.int64]) -> None:
    """Dates: few different ones, each written once."""
    distinct, where = np.unique(days, return_inverse=True)
    dates = [format_time(day * DAY)[:_DATE].encode() for day in distinct.tolist()]
    written = np.array(dates, dtype=f"S{_DATE}").view(np.uint8).reshape(len(dates), _DATE)
    texts[:, :_DATE] = written[where]


def _write(texts: NDArray[np.uint8], place: int, digits: int, numbers: NDArray[np.int64]) -> None:
    for position in range(place + digits - 1, place - 1, -1):
        numbers, last = np.divmod(numbers, 10)
        texts[:, position] = last + _ZERO


def _end(texts: NDArray[np.uint8], place: int, rows: NDArray[np.bool_]) -> None:
    """Close the texts of some rows at a place; numpy drops the zero bytes behind it."""
    texts[rows, place] = ord("Z")
    texts[rows, place + 1 :] = 0
