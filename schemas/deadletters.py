"""A record that was not used, kept whole: the dead-letter topic's record."""

from __future__ import annotations

from dataclasses import dataclass

DEADLETTER_SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The raw record (key and value in base64) with the reason and where it came from.

    id: ``<topic>-<partition>-<offset>`` of the record; equal ids are the same letter repeated.
    retried_from: original position, when the record was itself a retry. omitted: key, value and
    headers are left out because the letter would be too large; the record stands at its position.
    """

    id: str
    app: str
    source: str
    topic: str
    partition: int
    offset: int
    record_time: str
    reason: str
    message: str
    key_base64: str | None
    value_base64: str | None
    headers: list[tuple[str, str]]
    rejected_at: str
    retried_from: str | None = None
    omitted: bool = False
    schema_version: int = DEADLETTER_SCHEMA_VERSION
