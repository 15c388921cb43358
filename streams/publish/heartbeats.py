"""Heartbeats: records without a user that say how far a source's time has got.

At arrival A a source whose events take ``delay`` to get here is complete up to A - delay; that
is the time a heartbeat carries. It goes out behind the events that arrive with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from schemas.mapping import Path, SourceMapping, TimeMapping
from schemas.times import format_time
from streams.publish.arrival import Arrival
from streams.publish.chunks import Chunk, chunk_of

BLOCK = 5_000
_PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}


def schedule(
    source: int, mapping: SourceMapping, arrival: Arrival, every: int, first: int, last: int
) -> Iterator[Chunk]:
    """Heartbeats of one source at the multiples of ``every`` in [first, last], outages left out.

    every, first, last: milliseconds of arrival time.
    """
    start = -(-first // every) * every
    for block in range(start, last + 1, every * BLOCK):
        arrivals = np.arange(block, min(block + every * BLOCK, last + 1), every, dtype=np.int64)
        arrivals = arrivals[~arrival.silent(arrivals)]
        yield beats(source, mapping, arrivals.tolist(), arrival.delay)


def beats(source: int, mapping: SourceMapping, arrivals: list[int], delay: int) -> Chunk:
    """Heartbeats at these arrival times (ms), saying: complete up to arrival - delay (µs)."""
    values = [heartbeat_value(mapping, at * 1000 - delay) for at in arrivals]
    times = np.array(arrivals, dtype=np.int64)
    return chunk_of(source, times, [None] * len(values), values)


def closing(sources: dict[int, SourceMapping], close_at: int) -> Iterator[Chunk]:
    """One heartbeat for each source, dated 1 ms behind ``close_at`` (ms): all before is closed."""
    for source, mapping in sources.items():
        yield beats(source, mapping, [close_at + 1], 0)


def heartbeat_value(mapping: SourceMapping, time: int) -> bytes:
    """JSON of a heartbeat dated ``time`` (µs), as the source's own mapping reads it."""
    record: dict[str, Any] = {}
    _put(record, mapping.time.path, _written(mapping.time, time))
    if mapping.heartbeat.path is not None:
        _put(record, mapping.heartbeat.path, True)
    return orjson.dumps(record)


def heartbeat_headers(mapping: SourceMapping) -> list[tuple[str, bytes]]:
    """Headers that mark a heartbeat of this source."""
    return [(mapping.heartbeat.header, b"1")] if mapping.heartbeat.header is not None else []


def _written(mapping: TimeMapping, time: int) -> int | float | str:
    if mapping.unit == "rfc3339":
        return format_time(time)
    unit = _PER_UNIT[mapping.unit]
    return time / unit if time % unit else time // unit


def _put(record: dict[str, Any], path: Path, value: int | float | str | bool) -> None:
    for name in path[:-1]:
        record = record.setdefault(name, {})
    record[path[-1]] = value
