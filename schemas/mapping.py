"""How a source's own JSON is read: which part of it is the user, the time, a field.

A source's topic carries the USER'S OWN JSON, unmodified. A mapping says where in it the
few things stand that Ebbline needs; everything else is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TimeUnit = Literal["s", "ms", "us", "rfc3339"]
FieldType = Literal["number", "string", "bool"]
OutcomeKind = Literal["churn", "leave", "return"]

Path = tuple[str, ...]
"""A path into nested JSON objects: ``payload.user.id`` is ``("payload", "user", "id")``."""


@dataclass(frozen=True, slots=True)
class TimeMapping:
    """Where the event time stands and how it is written.

    ``zone`` (an IANA name) is given to RFC 3339 times without an offset; without it such
    times are an error.
    """

    path: Path
    unit: TimeUnit
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One field of the event that features use.

    A missing or null field of a ``required`` mapping rejects the record; of an optional
    one it is simply not known (NaN or None), and the aggregates leave it out.
    """

    name: str
    path: Path
    type: FieldType
    required: bool = True


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What a field's values must be like, or their record is not used.

    minimum, maximum: of numbers; both are allowed themselves. allowed: the only values, () = any.
    required: it must be known.
    """

    field: str
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str | float | bool, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class OutcomeMapping:
    """Which values of a field mean ``churn``, ``leave`` or ``return``."""

    path: Path
    kinds: tuple[tuple[str, OutcomeKind], ...]


@dataclass(frozen=True, slots=True)
class HeartbeatMapping:
    """How a heartbeat (a record without a user) is recognised: a header, or a true field."""

    header: str | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """Everything needed to read one source's records.

    ``max_bytes`` bounds a record's value; a larger one is dead-lettered unparsed. ``rules`` say
    what is wrong with a record that can be read.
    """

    user: Path
    time: TimeMapping
    event_id: Path | None = None
    fields: tuple[FieldMapping, ...] = ()
    outcome: OutcomeMapping | None = None
    heartbeat: HeartbeatMapping = HeartbeatMapping(header="ebbline-heartbeat")
    max_bytes: int = 1_048_576
    rules: tuple[FieldRule, ...] = ()
