"""Reading one value of one record, exactly, with words for what is wrong with it.

This is the definition of what a mapping accepts. `schemas.columns` reads whole columns of
ordinary values faster and leaves every other value to the functions here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

import orjson

from schemas.mapping import OutcomeMapping, Path, TimeMapping
from schemas.reasons import Reject
from schemas.times import MAX_TIME, MIN_TIME, SECOND, TimeError, format_time, parse_time

MAX_USER_BYTES = 512
EXACT_FLOAT = 2.0**53
"""Integers below this are exact as float64."""
SCALE: Mapping[str, int] = {"s": SECOND, "ms": 1000, "us": 1}
OUTCOME_CODES: Mapping[str, int] = {"churn": 0, "leave": 1, "return": 2}

_MISSING: Final = object()
_TYPES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class BadCell(ValueError):
    """A value that rejects its record."""

    def __init__(self, reason: Reject, message: str) -> None:
        """Keep the dead letter's reason code and message."""
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Part:
    """What a path stands for, and the reasons for rejecting what is found there."""

    what: str
    path: Path
    missing: Reject
    null: Reject
    bad: Reject

    def look_up(self, doc: Mapping[str, Any]) -> Any:
        """Value at the path; BadCell when missing, null, or when the way there is no object."""
        value = self.look_up_optional(doc)
        if value is _MISSING:
            raise BadCell(self.missing, f"{self} is missing from the record")
        if value is None:
            raise BadCell(self.null, f"{self} is null")
        return value

    def look_up_optional(self, doc: Mapping[str, Any]) -> Any:
        """Value at the path, None when null, a marker when missing (see `is_unknown`)."""
        value: Any = doc
        for depth, name in enumerate(self.path):
            if value is None:
                return _MISSING
            if not isinstance(value, dict):
                above = ".".join(self.path[:depth])
                raise BadCell(self.bad, f"{self}: {above!r} is {shown(value)}, not an object")
            value = value.get(name, _MISSING)
            if value is _MISSING:
                return _MISSING
        return value

    def wrong(self, value: Any, wanted: str) -> BadCell:
        """Rejection of a value that is not what was wanted."""
        return BadCell(self.bad, f"{self} is {shown(value)}, not {wanted}")

    def __str__(self) -> str:
        """Name the thing and its path."""
        return f"{self.what} (path {'.'.join(self.path)!r})"


def user_part(path: Path) -> Part:
    """The user id of a record."""
    return Part("user id", path, Reject.MISSING_USER, Reject.NULL_USER, Reject.BAD_USER)


def time_part(path: Path) -> Part:
    """The event time of a record."""
    return Part("event time", path, Reject.MISSING_TIME, Reject.NULL_TIME, Reject.BAD_TIME)


def id_part(path: Path) -> Part:
    """The event id of a record."""
    return Part("event id", path, Reject.MISSING_ID, Reject.NULL_ID, Reject.BAD_ID)


def field_part(what: str, path: Path) -> Part:
    """A field that features use, or the kind of an outcome."""
    return Part(what, path, Reject.MISSING_FIELD, Reject.NULL_FIELD, Reject.WRONG_TYPE)


def is_unknown(value: Any) -> bool:
    """Whether an optional value is missing or null."""
    return value is None or value is _MISSING


def read_identifier(value: Any, part: Part) -> str:
    """Text of a user or event id.

    A string, or a number with an integral value: 12 and 12.0 are both "12" (tools that keep
    numbers as floats write the latter), but not from 2**53 on, where floats skip integers.
    """
    if type(value) is float and value.is_integer() and abs(value) < EXACT_FLOAT:
        value = int(value)
    if type(value) is int:
        return str(value)
    if type(value) is not str:
        raise part.wrong(value, "a string or an integer")
    if not value:
        raise part.wrong(value, "at least one character")
    if "\0" in value:
        raise part.wrong(value, "free of NUL characters")
    if len(value.encode()) > MAX_USER_BYTES:
        raise BadCell(part.bad, f"{part} is {shown(value)}: longer than {MAX_USER_BYTES} bytes")
    return value


def read_time(value: Any, part: Part, mapping: TimeMapping, zone: tzinfo | None) -> int:
    """Event time in microseconds, in the years 1980 to 2199."""
    time = (
        _rfc3339(value, part, zone)
        if mapping.unit == "rfc3339"
        else _number(value, part, mapping.unit)
    )
    if not MIN_TIME <= time < MAX_TIME:
        raise BadCell(
            Reject.ABSURD_TIME,
            f"{part} is {shown(value)}, outside the years 1980 to 2199"
            f"{_other_unit(value, mapping.unit)}",
        )
    return time


def read_number(value: Any, part: Part) -> float:
    """A field of type number. JSON has no NaN, and what overflows a float64 is not parsed."""
    if type(value) is not int and type(value) is not float:
        raise part.wrong(value, "a number")
    return float(value)


def read_string(value: Any, part: Part) -> str:
    """A field of type string."""
    if type(value) is not str:
        raise part.wrong(value, "a string")
    return value


def read_bool(value: Any, part: Part) -> float:
    """A field of type bool, as 0 or 1."""
    if type(value) is not bool:
        raise part.wrong(value, "true or false")
    return float(value)


def read_kind(value: Any, part: Part, mapping: OutcomeMapping) -> int:
    """Code of an outcome's kind."""
    kinds = dict(mapping.kinds)
    if type(value) is not str:
        raise part.wrong(value, "a string")
    if value not in kinds:
        known = ", ".join(f'"{name}"' for name in kinds)
        raise BadCell(
            Reject.UNKNOWN_KIND,
            f"{part} is {shown(value)}, which the configuration maps to no outcome; known: {known}",
        )
    return OUTCOME_CODES[kinds[value]]


def shown(value: Any) -> str:
    """Write a value for a message: as JSON, shortened, or only its type when it is nested."""
    if isinstance(value, (dict, list)):
        return _TYPES[type(value)]
    text = orjson.dumps(value[:80] if isinstance(value, str) else value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _rfc3339(value: Any, part: Part, zone: tzinfo | None) -> int:
    if type(value) is not str:
        raise part.wrong(value, f"RFC 3339 text but {_TYPES[type(value)]}")
    try:
        return parse_time(value, zone)
    except TimeError as error:
        raise BadCell(part.bad, f"{part} is {shown(value)}: {error}") from None


def _number(value: Any, part: Part, unit: str) -> int:
    if type(value) is int:
        return value * SCALE[unit]
    if type(value) is not float:
        raise part.wrong(value, f"a number of {unit} since 1970")
    scaled = value * SCALE[unit]
    return round(scaled) if abs(scaled) < EXACT_FLOAT else MAX_TIME


def _other_unit(value: Any, unit: str) -> str:
    """Suggest the unit in which a number would be a time of our days."""
    if unit != "rfc3339":
        for other, scale in SCALE.items():
            if MIN_TIME <= value * scale < MAX_TIME:
                meant = format_time(round(value * scale))
                return f"; in {other} (the source says {unit}) it would be {meant}"
    return ""
