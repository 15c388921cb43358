"""Columns of RFC 3339 times, read as matrices of digits: what `parse_time` does, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.textblocks import Matrix, blocks
from schemas.times import MONTH_DAYS, SECOND, days_from_civil, zone_offset

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_NAIVE, _UTC, _OFFSET = 0, 1, 2
_TAIL = {_NAIVE: 0, _UTC: 1, _OFFSET: 6}
"""How a time ends: not at all, with Z, with +hh:mm; and the length of that."""
_FIELDS = ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))
"""Places of year, month, day, hour, minute, second."""
_DIGITS = [place for start, stop in _FIELDS for place in range(start, stop)]
_WEIGHTS = np.zeros((len(_DIGITS), len(_FIELDS)))
for _i, (_start, _stop) in enumerate(_FIELDS):
    for _place in range(_start, _stop):
        _WEIGHTS[_DIGITS.index(_place), _i] = 10 ** (_stop - 1 - _place)
"""Digits @ _WEIGHTS = the six numbers."""
_MARKS, _MARK_PLACES = np.frombuffer(b"--::", dtype=np.uint8), [4, 7, 13, 16]
_LAST_DAY = np.array([0, *MONTH_DAYS])


def parse_times(texts: Sequence[str], zone: tzinfo | None = None) -> tuple[Int, Bool]:
    """Read a column of times as microseconds, with a mask of those that could be read.

    Equal to `schemas.times.parse_time` of each text, which tells why one could not.
    """
    times = np.zeros(len(texts), dtype=np.int64)
    good = np.zeros(len(texts), dtype=np.bool_)
    for rows, matrix in blocks(texts):
        if matrix.shape[1] < 19:
            continue
        shapes = _shapes(matrix)
        for shape in set(shapes.tolist()):
            chosen = shapes == shape
            times[rows[chosen]], good[rows[chosen]] = _parse_block(matrix[chosen], shape, zone)
    return times, good


def _shapes(matrix: Matrix) -> NDArray[np.int64]:
    """Code of each row: three times whether it has decimals, plus how it ends."""
    end = np.full(len(matrix), _NAIVE)
    end[_among(matrix[:, -1], b"Zz")] = _UTC
    end[_among(matrix[:, -6], b"+-") & (matrix.shape[1] >= 25)] = _OFFSET
    decimals = matrix[:, 19] == ord(".") if matrix.shape[1] > 19 else np.False_
    return end + 3 * decimals


def _parse_block(matrix: Matrix, shape: int, zone: tzinfo | None) -> tuple[Int, Bool]:
    """Read rows of one length and shape; the values of bad rows mean nothing."""
    decimals, ending = divmod(shape, 3)
    stop = matrix.shape[1] - _TAIL[ending]
    good = np.ones(len(matrix), dtype=np.bool_)
    year, month, day, hour, minute, second = _fields(matrix, good)
    good &= _in_range(year, month, day, hour, minute, second)
    local = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    seconds = local - _offsets(matrix, ending, local, zone, good)
    good &= (second < 60) | (seconds % 86_400 == 0)
    return seconds * SECOND + _fraction(matrix, decimals, stop, good), good


def _fields(matrix: Matrix, good: Bool) -> Int:
    """The six numbers of date and time, shape (6, rows); other rows are marked as not good."""
    digits = matrix[:, _DIGITS] - np.uint8(48)
    good &= (digits <= 9).all(axis=1) & _among(matrix[:, 10], b"Tt ")
    good &= (matrix[:, _MARK_PLACES] == _MARKS).all(axis=1)
    return np.ascontiguousarray((digits @ _WEIGHTS).T).astype(np.int64)


def _number(matrix: Matrix, start: int, stop: int, good: Bool) -> Int:
    """Number written in columns start to stop; rows without one are marked as not good."""
    digits = matrix[:, start:stop] - np.uint8(48)
    good &= (digits <= 9).all(axis=1)
    weights = 10.0 ** np.arange(stop - start)[::-1]
    return (digits @ weights).astype(np.int64)


def _in_range(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) -> Bool:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)) & (month == 2)
    last = _LAST_DAY[np.clip(month, 0, 12)] + leap
    date = (month >= 1) & (month <= 12) & (day >= 1) & (day <= last)
    return np.asarray(date & (hour <= 23) & (minute <= 59) & (second <= 60))


def _fraction(matrix: Matrix, decimals: int, stop: int, good: Bool) -> Int | int:
    """Microseconds after the point; without decimals nothing may follow the seconds."""
    if not decimals:
        good &= stop == 19
        return 0
    good &= stop > 20
    kept = min(stop, 26)
    _number(matrix, kept, stop, good)
    micros: Int = _number(matrix, 20, kept, good) * np.int64(10 ** (26 - kept))
    return micros


def _offsets(matrix: Matrix, ending: int, local: Int, zone: tzinfo | None, good: Bool) -> Int | int:
    """Seconds that the clock of each row is ahead of UTC."""
    if ending == _UTC:
        return 0
    if ending == _OFFSET:
        end = matrix.shape[1]
        hours, minutes = (
            _number(matrix, end - 5, end - 3, good),
            _number(matrix, end - 2, end, good),
        )
        good &= (matrix[:, -3] == ord(":")) & (hours <= 23) & (minutes <= 59)
        sign = np.where(matrix[:, -6] == ord("-"), -60, 60)
        return np.asarray((hours * 60 + minutes) * sign)
    if zone is None:
        good &= False
        return 0
    return _zone_offsets(local, zone)


def _zone_offsets(local: Int, zone: tzinfo) -> Int:
    """Offsets of a zone's clock; zones change theirs at full minutes."""
    distinct, where = np.unique(local // 60, return_inverse=True)
    offsets = [_offset_at(zone, minute) for minute in distinct.tolist()]
    return np.array(offsets, dtype=np.int64)[where]


@lru_cache(maxsize=65_536)
def _offset_at(zone: tzinfo, minute: int) -> int:
    return zone_offset(zone, minute * 60)


def _among(column: Matrix, allowed: bytes) -> Bool:
    found = column == allowed[0]
    for byte in allowed[1:]:
        found = found | (column == byte)
    return np.asarray(found)
