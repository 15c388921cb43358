"""How each source of a partition is doing: the sources topic's record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from schemas.scores import Health

SOURCES_SCHEMA_VERSION = 2


IntervalState = Literal["open", "closed", "accepted", "rejected", "repaired"]


@dataclass(frozen=True, slots=True)
class WrongInterval:
    """Events with begin < time <= end that are wrong. Times RFC 3339.

    end: None while it is open. reason: what is wrong, for people. noticed: clock of the partition
    when it was found. by: ``gate``, or who gave the verdict.
    """

    id: str
    begin: str
    end: str | None
    state: IntervalState
    reason: str
    noticed: str
    by: str


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source in one partition. Times RFC 3339, None when never seen.

    watermark says how complete the source is, last_data whether it is alive. repeated_copies: of
    a rekeyed source, copies that came again and were dropped. corrupt_since: event time after which
    its data is wrong now, None: it is right. intervals: the newest ones of wrong data.
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
    corrupt_since: str | None = None
    intervals: list[WrongInterval] = field(default_factory=list)
    schema_version: int = SOURCES_SCHEMA_VERSION
