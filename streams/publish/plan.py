"""What is to be published: sources, files, delays, heartbeats; and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models.spec import SourceSpec
from streams.faults import Fault
from streams.publish.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Feed:
    """One source, its files, how its events arrive, and what goes wrong with it, if anything."""

    source: SourceSpec
    files: tuple[Path, ...]
    arrival: Arrival
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole publication. Durations and times in ms of arrival time.

    heartbeats: spacing, None for none. close_at: time up to which every partition of every
    topic in ``closing`` is closed afterwards. limit: rows at most. speed: times faster than
    real time, None for as fast as possible.
    """

    feeds: tuple[Feed, ...]
    heartbeats: int | None = None
    close_at: int | None = None
    closing: tuple[SourceSpec, ...] = ()
    limit: int | None = None
    speed: float | None = None

    @property
    def sources(self) -> tuple[SourceSpec, ...]:
        """All sources that get a record, feeds first; records refer to them by number."""
        fed = [feed.source for feed in self.feeds]
        return (*fed, *(source for source in self.closing if source not in fed))


@dataclass(slots=True)
class Progress:
    """What has been done so far. rows, heartbeats: sent, by source; skipped: by reason."""

    rows: Counter[str] = field(default_factory=Counter)
    heartbeats: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, Counter[str]] = field(default_factory=dict)
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    total: int = 0
    reading_seconds: float = 0.0
    sending_seconds: float = 0.0
    finished: bool = False

    @property
    def sent(self) -> int:
        """Rows sent, of all sources."""
        return self.rows.total()

    def as_json(self) -> Mapping[str, object]:
        """Everything, for machines; times in ms."""
        return {
            "rows": dict(self.rows),
            "heartbeats": dict(self.heartbeats),
            "skipped": {name: dict(why) for name, why in self.skipped.items() if why},
            "arrivals_ms": {name: list(r) for name, r in self.ranges.items()},
            "reading_seconds": round(self.reading_seconds, 3),
            "sending_seconds": round(self.sending_seconds, 3),
            "finished": self.finished,
        }
