"""How each source of a partition is doing: the sources topic's record."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.scores import Health

SOURCES_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source in one partition. Times RFC 3339, None when never seen.

    watermark says how complete the source is, last_data whether it is alive. repeated_copies: of
    a rekeyed source, copies that came again and were dropped.
    """

    app: str
    source: str
    topic: str
    partition: int
    clock: str | None
    watermark: str | None
    last_data: str | None
    staleness_s: float | None
    health: Health
    events: int
    heartbeats: int
    late: int
    duplicates: int
    rejected: dict[str, int]
    out_of_arrival_order: int
    emitted_at: str
    repeated_copies: int = 0
    schema_version: int = SOURCES_SCHEMA_VERSION
