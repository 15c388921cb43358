"""How each source of a partition is doing, as records."""

from __future__ import annotations

import numpy as np

from models.engine.requests import Output
from models.engine.state import PartitionState
from models.grid import NEVER
from models.spec import Spec
from models.staleness.corruption import Interval
from models.staleness.policy import HEALTH, health_of
from schemas.codec import encode
from schemas.sources import SourceStatus, WrongInterval
from schemas.times import format_time

INTERVALS = 10
"""Intervals of wrong data that a record tells of, the newest."""


def statuses(spec: Spec, state: PartitionState, partition: int, now: str) -> list[Output]:
    """One record for each source."""
    marks = [
        source.progress.watermark(declared, state.clock)
        for declared, source in zip(spec.sources, state.sources, strict=True)
    ]
    health = health_of(spec, np.array([state.clock]), np.array([marks], dtype=np.int64))[0]
    found = []
    for s, (source, seen) in enumerate(zip(spec.sources, state.sources, strict=True)):
        record = SourceStatus(
            app=spec.app,
            source=source.name,
            topic=source.topic,
            partition=partition,
            clock=_time(state.clock),
            watermark=_time(marks[s]),
            last_data=_time(seen.progress.last_data),
            staleness_s=None if marks[s] == NEVER else (state.clock - marks[s]) / 1e6,
            health=HEALTH[health[s]],
            events=seen.events,
            heartbeats=seen.heartbeats,
            late=seen.late,
            duplicates=seen.duplicates,
            rejected=dict(seen.rejected),
            out_of_arrival_order=seen.disordered,
            repeated_copies=seen.lanes.repeats,
            corrupt_since=_time(seen.corrupt.corrupt_since),
            intervals=[_told(one) for one in seen.corrupt.known[-INTERVALS:]],
            emitted_at=now,
        )
        found.append(Output("sources", f"{source.name}-{partition}".encode(), encode(record)))
    return found


def _told(one: Interval) -> WrongInterval:
    end = None if one.end is None else format_time(one.end)
    begin, noticed = format_time(one.begin), format_time(one.noticed)
    return WrongInterval(one.id, begin, end, one.state, one.reason, noticed, one.by)


def _time(value: int) -> str | None:
    return None if value == NEVER else format_time(value)
