"""One publication from beginning to end: read and sort, then send in order of arrival."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from streams.connections import Connections
from streams.publish import prepare
from streams.publish.chunks import Chunk, concat
from streams.publish.plan import Plan, Progress
from streams.publish.sender import Sender, paced, producer
from streams.publish.topics import Target, look

GROUP_RECORDS = 20_000
"""Records sent between two waits for acknowledgement: fewer wait more, more hold more memory."""


class View(Protocol):
    """Who is told how it goes."""

    def reading(self, source: str, more: int) -> None:
        """So many more rows of a source have been read."""

    def sending(self, progress: Progress) -> None:
        """Something has been sent."""

    def found(self, targets: dict[str, Target]) -> None:
        """The topics as they were before."""


@contextlib.contextmanager
def sorted_rows(plan: Plan, progress: Progress, view: View) -> Iterator[prepare.Sorted]:
    """All rows, read and sorted; temporary files go when the block is left."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ebbline-publish-") as folder:
        rows = prepare.read(plan, Path(folder), progress, view.reading)
        progress.reading_seconds = time.monotonic() - began
        yield rows


def rehearse(plan: Plan, progress: Progress, view: View) -> None:
    """Read, sort and merge everything, send nothing, connect to nothing."""
    with sorted_rows(plan, progress, view) as rows:
        for chunk in prepare.records(plan, rows):
            _count(plan, chunk, progress)
            view.sending(progress)
    progress.finished = True


async def publish(
    plan: Plan, connections: Connections, compression: str | None, progress: Progress, view: View
) -> None:
    """Send everything; ``progress`` is right at any moment, also if this is cancelled."""
    targets = look(connections, [source.topic for source in plan.sources])
    view.found(targets)
    with sorted_rows(plan, progress, view) as rows:
        client = producer(connections, compression)
        await client.start()
        try:
            partitions = [targets[source.topic].partitions for source in plan.sources]
            await _send(plan, rows, Sender(client, plan.sources, partitions), progress, view)
        finally:
            await client.stop()


async def _send(
    plan: Plan, rows: prepare.Sorted, sender: Sender, progress: Progress, view: View
) -> None:
    began = time.monotonic()
    try:
        async for chunk in paced(grouped(prepare.records(plan, rows)), plan.speed):
            sent, beats = await sender.send(chunk)
            progress.rows += sent
            progress.heartbeats += beats
            view.sending(progress)
        progress.finished = True
    finally:
        progress.sending_seconds = time.monotonic() - began


def grouped(chunks: Iterator[Chunk], size: int = GROUP_RECORDS) -> Iterator[Chunk]:
    """Put small chunks together until there are ``size`` records."""
    held: list[Chunk] = []
    for chunk in chunks:
        held.append(chunk)
        if sum(map(len, held)) >= size:
            yield concat(held)
            held = []
    if held:
        yield concat(held)


def _count(plan: Plan, chunk: Chunk, progress: Progress) -> None:
    for source, key in zip(chunk.sources.tolist(), chunk.keys, strict=True):
        counts = progress.heartbeats if key is None else progress.rows
        counts[plan.sources[source].name] += 1
