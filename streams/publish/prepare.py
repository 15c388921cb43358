"""From files to one stream of records in order of arrival: reading, sorting, merging."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streams.publish import files, heartbeats
from streams.publish.arrival import span
from streams.publish.chunks import Chunk
from streams.publish.merge import merge
from streams.publish.plan import Feed, Plan, Progress
from streams.publish.records import Placed
from streams.publish.runs import SortedRuns

Watcher = Callable[[str, int], None]
"""Told of rows read: name of the source, how many more."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """All rows of all feeds, read and sorted, source by source."""

    runs: tuple[SortedRuns, ...]

    @property
    def records(self) -> int:
        """How many there are."""
        return sum(run.records for run in self.runs)


def read(plan: Plan, folder: Path, progress: Progress, watch: Watcher) -> Sorted:
    """Read and sort every feed; what doesn't fit into memory goes into ``folder``."""
    runs = []
    for number, feed in enumerate(plan.feeds):
        runs.append(_read_feed(number, feed, SortedRuns(folder), progress, watch))
    done = Sorted(tuple(runs))
    progress.total = done.records if plan.limit is None else min(done.records, plan.limit)
    return done


def records(plan: Plan, rows: Sorted) -> Iterator[Chunk]:
    """Everything to be sent, by arrival: rows, heartbeats behind them, then the closing ones."""
    streams = [run.stream() for run in rows.runs]
    everything = merge([*streams, *_heartbeats(plan, rows)])
    yield from everything if plan.limit is None else _first(everything, plan.limit)
    if plan.close_at is not None:
        mappings = {plan.sources.index(s): s.mapping for s in plan.closing}
        yield from heartbeats.closing(mappings, plan.close_at)


def _read_feed(
    number: int, feed: Feed, runs: SortedRuns, progress: Progress, watch: Watcher
) -> SortedRuns:
    name = feed.source.name
    placed = Placed(name, number, feed.source.mapping, feed.arrival, feed.faults)
    progress.skipped[name] = placed.skipped
    for path in feed.files:
        for chunk in placed.chunks(files.rows(path, feed.source.mapping)):
            runs.add(chunk)
            watch(name, len(chunk))
    if runs.range is not None:
        progress.ranges[name] = runs.range
    return runs


def _heartbeats(plan: Plan, rows: Sorted) -> list[Iterator[Chunk]]:
    whole = span(run.range for run in rows.runs)
    if plan.heartbeats is None or whole is None:
        return []
    return [
        heartbeats.schedule(n, f.source.mapping, f.arrival, plan.heartbeats, *whole, f.faults)
        for n, f in enumerate(plan.feeds)
    ]


def _first(chunks: Iterator[Chunk], limit: int) -> Iterator[Chunk]:
    """Up to the ``limit``-th row; heartbeats don't count."""
    left = limit
    for chunk in chunks:
        events = [i for i, key in enumerate(chunk.keys) if key is not None]
        if len(events) >= left:
            yield chunk[: events[left - 1] + 1] if left else chunk[:0]
            return
        left -= len(events)
        yield chunk
