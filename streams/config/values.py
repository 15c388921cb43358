"""The kinds of values that a configuration is written with: durations, paths, times, names."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from schemas.times import DURATION_HINT, TimeError, parse_duration, parse_time


class BadValue(ValueError):
    """A value that cannot be read: what is wrong with it, and what would be right."""

    def __init__(self, wrong: str, remedy: str = "") -> None:
        """Keep both sentences apart."""
        super().__init__(wrong)
        self.wrong = wrong
        self.remedy = remedy


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def _duration(value: Any) -> int:
    if not isinstance(value, str):
        raise BadValue(f"{shown(value)} is not a duration.", f"Write {DURATION_HINT}.")
    try:
        return parse_duration(value)
    except TimeError as error:
        raise BadValue(f"{error}.") from None


def _positive(value: Any) -> int:
    duration = _duration(value)
    if duration == 0:
        raise BadValue(f'"{value}" is no length of time.', "Write a duration above zero.")
    return duration


def _path(value: Any) -> tuple[str, ...]:
    parts = value.split(".") if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts or not all(_is_part(part) for part in parts):
        raise BadValue(
            f"{shown(value)} is not a path into a JSON object.",
            'Write "user" or, nested, "payload.user.id"; for names that contain dots a list: '
            '["payload", "user.id"].',
        )
    return tuple(parts)


def _moment(value: Any) -> int:
    hint = 'Write an RFC 3339 time with zone, such as "2026-01-05T00:00:00Z".'
    if isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, date) or not isinstance(value, str):
        raise BadValue(f"{shown(value)} is not a time with a zone.", hint)
    try:
        return parse_time(value)
    except TimeError:
        raise BadValue(f'"{value}" is not a time with a zone.', hint) from None


def name_of(value: Any) -> str:
    """Take a legal name; raises BadValue."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise BadValue(
            f"{shown(value)} cannot be a name.",
            "Use at most 100 of the characters A-Z a-z 0-9 _ -, beginning with a letter or digit.",
        )
    return value


def _topic(value: Any) -> str:
    if not isinstance(value, str) or not TOPIC.fullmatch(value) or value in (".", ".."):
        raise BadValue(
            f"{shown(value)} cannot be a Kafka topic.",
            "Use at most 249 of the characters A-Z a-z 0-9 . _ -.",
        )
    return value


def _scalar(value: Any) -> str | float | bool:
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise BadValue(f"{shown(value)} cannot be compared with.", "Write a string, number or boolean.")


def _allowed(value: Any) -> tuple[str | float | bool, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise BadValue("An empty list matches no event.", "Name at least one value.")
    return tuple(_scalar(item) for item in values)


def _is_part(part: Any) -> bool:
    return isinstance(part, str) and bool(part)


def shown(value: Any) -> str:
    """Write a value as TOML does, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]+w ?)?([0-9]+d ?)?([0-9]+h ?)?([0-9]+m ?)?([0-9]+s ?)?([0-9]+ms ?)?"
    r"([0-9]+us)?$",
    "minLength": 2,
    "examples": ["90s", "1h30m", "28d"],
}
_PATH_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
    ]
}
_SCALARS = {"type": ["string", "number", "boolean"]}

Duration = Annotated[int, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Microseconds, zero or more; written ``28d``."""
PositiveDuration = Annotated[int, BeforeValidator(_positive), WithJsonSchema(_DURATION_SCHEMA)]
PathText = Annotated[tuple[str, ...], BeforeValidator(_path), WithJsonSchema(_PATH_SCHEMA)]
Moment = Annotated[
    int, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Name = Annotated[
    str,
    BeforeValidator(name_of),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"}),
]
TopicName = Annotated[
    str,
    BeforeValidator(_topic),
    WithJsonSchema({"type": "string", "pattern": f"^{TOPIC.pattern}$"}),
]
Allowed = Annotated[
    tuple[str | float | bool, ...],
    BeforeValidator(_allowed),
    WithJsonSchema({"anyOf": [_SCALARS, {"type": "array", "items": _SCALARS, "minItems": 1}]}),
]
"""A value or a list of values that an event's field is compared with."""
