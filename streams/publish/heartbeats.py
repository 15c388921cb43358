"""Heartbeats: records without a user that say how far a source's time has got.

At arrival A a source whose events take ``delay`` to get here is complete up to A - delay; that
is the time a heartbeat carries. It goes out behind the events that arrive with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from schemas.mapping import Path, SourceMapping
from streams.faults import Beats, Fault, faulty_beats
from streams.faults.timetext import written
from streams.publish.arrival import Arrival
from streams.publish.chunks import Chunk, chunk_of

BLOCK = 5_000


def schedule(
    source: int,
    mapping: SourceMapping,
    arrival: Arrival,
    every: int,
    first: int,
    last: int,
    faults: Sequence[Fault] = (),
) -> Iterator[Chunk]:
    """Heartbeats of one source at the multiples of ``every`` in [first, last], outages left out.

    every, first, last: milliseconds of arrival time. faults: what goes wrong with the source.
    """
    start = -(-first // every) * every
    for block in range(start, last + 1, every * BLOCK):
        arrivals = np.arange(block, min(block + every * BLOCK, last + 1), every, dtype=np.int64)
        arrivals = arrivals[~arrival.silent(arrivals)]
        beats = Beats(arrivals, arrivals * 1000 - arrival.delay)
        yield chunk_of_beats(source, mapping, faulty_beats(faults, beats))


def chunk_of_beats(source: int, mapping: SourceMapping, beats: Beats) -> Chunk:
    """Make records of heartbeats."""
    values = [heartbeat_value(mapping, time) for time in beats.complete.tolist()]
    return chunk_of(source, beats.arrivals, [None] * len(values), values)


def closing(sources: dict[int, SourceMapping], close_at: int) -> Iterator[Chunk]:
    """One heartbeat for each source, dated 1 ms behind ``close_at`` (ms): all before is closed."""
    for source, mapping in sources.items():
        at = np.array([close_at + 1], dtype=np.int64)
        yield chunk_of_beats(source, mapping, Beats(at, at * 1000))


def heartbeat_value(mapping: SourceMapping, time: int) -> bytes:
    """JSON of a heartbeat dated ``time`` (µs), as the source's own mapping reads it."""
    record: dict[str, Any] = {}
    _put(record, mapping.time.path, written(mapping.time, time))
    if mapping.heartbeat.path is not None:
        _put(record, mapping.heartbeat.path, True)
    return orjson.dumps(record)


def heartbeat_headers(mapping: SourceMapping) -> list[tuple[str, bytes]]:
    """Headers that mark a heartbeat of this source."""
    return [(mapping.heartbeat.header, b"1")] if mapping.heartbeat.header is not None else []


def _put(record: dict[str, Any], path: Path, value: int | float | str | bool) -> None:
    for name in path[:-1]:
        record = record.setdefault(name, {})
    record[path[-1]] = value
