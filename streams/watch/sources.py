"""One line for each source, out of what its partitions report: the worst of them counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.scores import Health
from schemas.sources import SourceStatus
from schemas.times import parse_time

BADNESS: tuple[Health, ...] = ("fresh", "lagging", "unknown", "stalled", "corrupt")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source over all its partitions: the oldest times, the worst health, sums of counts."""

    name: str
    partitions: int
    clock: str | None
    watermark: str | None
    last_data: str | None
    staleness_s: float | None
    health: Health
    events: int
    late: int
    duplicates: int
    rejected: int
    out_of_order: int


def source_line(statuses: Iterable[SourceStatus]) -> SourceLine:
    """Merge the newest report of each partition (one or more) of one source.

    last_data is the newest of all: a source is alive if any partition of it is.
    """
    seen = list(statuses)
    return SourceLine(
        name=seen[0].source,
        partitions=len(seen),
        clock=_oldest(s.clock for s in seen),
        watermark=_oldest(s.watermark for s in seen),
        last_data=max((s.last_data for s in seen if s.last_data), key=parse_time, default=None),
        staleness_s=_worst(s.staleness_s for s in seen),
        health=max((s.health for s in seen), key=BADNESS.index),
        events=sum(s.events for s in seen),
        late=sum(s.late for s in seen),
        duplicates=sum(s.duplicates for s in seen),
        rejected=sum(sum(s.rejected.values()) for s in seen),
        out_of_order=sum(s.out_of_arrival_order for s in seen),
    )


def _oldest(times: Iterable[str | None]) -> str | None:
    """The oldest time; None (not known) as soon as one is not known."""
    known = list(times)
    return None if None in known else min((t for t in known if t is not None), key=parse_time)


def _worst(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else max(v for v in known if v is not None)
