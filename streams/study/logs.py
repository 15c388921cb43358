"""A whole log in memory, as it would have been without faults; and as it arrives with some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.spec import SourceSpec, Spec
from schemas.times import DAY
from streams.demo.simulator import SimRecord, Simulator
from streams.faults import Beats, Events, Fault, faulty_beats, faulty_events
from streams.faults.chance import chosen
from streams.publish import files
from streams.publish.arrival import Arrival
from streams.publish.chunks import Chunk, chunk_of
from streams.publish.heartbeats import chunk_of_beats, heartbeat_headers
from streams.publish.merge import merge
from streams.publish.records import Placed
from streams.replay import Record

BLOCK = 5_000
GROUP = 20_000
BEAT_MS = DAY // 1000
SAMPLED = "seed 1"
"""Salt of the hash by which a share of the users is taken; faults have others."""
Faults = Mapping[str, Sequence[Fault]]
"""Source → what goes wrong with it."""


@dataclass(frozen=True, slots=True)
class Log:
    """Events and heartbeats of every source, in the configuration's order."""

    sources: tuple[SourceSpec, ...]
    events: tuple[Events, ...]
    beats: tuple[Beats, ...]

    @property
    def first(self) -> int:
        """Earliest arrival, ms."""
        return min(int(one.arrivals.min()) for one in self.events if len(one))

    @property
    def last(self) -> int:
        """Latest arrival, ms."""
        return max(int(one.arrivals.max()) for one in self.events if len(one))

    def __len__(self) -> int:
        """Events of all sources."""
        return sum(map(len, self.events))

    def arriving(self, faults: Faults, close_at: int | None = None) -> Iterator[list[Record]]:
        """Records in order of arrival, in blocks; then every source is closed.

        close_at: a time (ms) behind which that is; None: behind the last arrival.
        """
        streams, last = [], self.last
        for i, (source, events) in enumerate(zip(self.sources, self.events, strict=True)):
            late = faulty_events(faults.get(source.name, ()), events)
            last = max(last, int(late.arrivals.max(initial=last)))
            streams.append(_blocks(chunk_of(i, late.arrivals, late.keys, late.values).sorted()))
        for i, (source, beats) in enumerate(zip(self.sources, self.beats, strict=True)):
            told = faulty_beats(faults.get(source.name, ()), beats)
            streams.append(_blocks(chunk_of_beats(i, source.mapping, told)))
        closing = np.array([1 + (last if close_at is None else close_at)], dtype=np.int64)
        for i, source in enumerate(self.sources):
            streams.append(
                _blocks(chunk_of_beats(i, source.mapping, Beats(closing, closing * 1000)))
            )
        yield from as_records(merge(streams), self.sources)


def as_records(chunks: Iterator[Chunk], sources: Sequence[SourceSpec]) -> Iterator[list[Record]]:
    """What the engine in memory takes. sources: those that the chunks' numbers mean."""
    headers = [tuple(heartbeat_headers(source.mapping)) for source in sources]
    block: list[Record] = []
    for chunk in chunks:
        columns = (chunk.sources.tolist(), chunk.arrivals.tolist(), chunk.keys, chunk.values)
        for source, arrival, key, value in zip(*columns, strict=True):
            block.append((source, arrival, key, value, headers[source] if key is None else ()))
        if len(block) >= GROUP:
            yield block
            block = []
    yield block


def from_files(
    spec: Spec,
    paths: Mapping[str, Sequence[Path]],
    share: float,
    told: Callable[[str, int], None],
) -> Log:
    """The events of files, arriving as they happen, with a heartbeat a day.

    share: of the users, chosen by a hash. told: gets the source and how many events more were
    read. Raises FileError, UnreadableRows.
    """
    events = tuple(
        _read(source, paths.get(source.name, ()), share, told) for source in spec.sources
    )
    times = [one.arrivals for one in events if len(one)]
    if not times:
        raise files.FileError("none of the files has an event in it")
    first, last = min(int(t.min()) for t in times), max(int(t.max()) for t in times)
    at = np.arange(-(-first // BEAT_MS), last // BEAT_MS + 1, dtype=np.int64) * BEAT_MS
    return Log(spec.sources, events, tuple(Beats(at, at * 1000) for _ in spec.sources))


def _read(
    source: SourceSpec, paths: Sequence[Path], share: float, told: Callable[[str, int], None]
) -> Events:
    placed, parts = Placed(source.name, 0, source.mapping, Arrival()), []
    for path in paths:
        for block in placed.events(files.rows(path, source.mapping)):
            part = block.part(chosen(block.keys, share, SAMPLED))
            parts.append(replace(part, values=_own_size(part.values)))
            told(source.name, len(parts[-1]))
    return _joined(parts)


def _own_size(values: Sequence[bytes]) -> list[bytes]:
    """Copies: what orjson returns keeps its whole buffer, 4 kB for a row of a hundred bytes.

    Harmless where rows are sent on, not where millions are held.
    """
    return [bytes(memoryview(value)) for value in values]


def _joined(parts: Sequence[Events]) -> Events:
    none = np.empty(0, dtype=np.int64)
    return Events(
        np.concatenate([none, *(part.times for part in parts)]),
        np.concatenate([none, *(part.arrivals for part in parts)]),
        [key for part in parts for key in part.keys],
        [value for part in parts for value in part.values],
    )


def from_simulator(
    simulator: Simulator, spec: Spec, days: int, turn: Callable[[float], None]
) -> Log:
    """What the simulated product's systems send. turn: called with each day."""
    records: dict[str, list[SimRecord]] = {source.name: [] for source in spec.sources}
    for day in range(days):
        turn(float(day))
        for record in simulator.advance(simulator.now + DAY):
            records[record.source].append(record)
    found = [_columns(records[source.name]) for source in spec.sources]
    return Log(spec.sources, tuple(e for e, _ in found), tuple(b for _, b in found))


def _columns(records: Sequence[SimRecord]) -> tuple[Events, Beats]:
    told = [record for record in records if record.user is None]
    seen = [record for record in records if record.user is not None]
    events = Events(
        np.array([record.at for record in seen], dtype=np.int64),
        np.array([record.arrival // 1000 for record in seen], dtype=np.int64),
        [(record.user or "").encode() for record in seen],
        _own_size([record.value for record in seen]),
    )
    arrivals = np.array([record.arrival // 1000 for record in told], dtype=np.int64)
    return events, Beats(arrivals, np.array([record.at for record in told], dtype=np.int64))


def _blocks(chunk: Chunk) -> Iterator[Chunk]:
    for start in range(0, len(chunk), BLOCK):
        yield chunk[start : start + BLOCK]


def files_by_source(spec: Spec, folder: Path) -> dict[str, list[Path]]:
    """Files of rows in a folder that are named as the sources are. Raises FileError."""
    found: dict[str, list[Path]] = {}
    for source in spec.sources:
        named = sorted(
            p for p in folder.glob(f"{source.name}*") if p.name.split(".")[0] == source.name
        )
        for path in named:
            found.setdefault(source.name, []).extend(files.find(path))
    if missing := [source.name for source in spec.sources if source.name not in found]:
        raise files.FileError(
            f"{folder}: no file for {', '.join(missing)}. Name each file as its source is called: "
            f"{missing[0]}.parquet, .csv, .jsonl (also .gz), or a folder {missing[0]}/."
        )
    return found
