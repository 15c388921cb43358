"""What comes in for one partition number: buffered, and merged into one order of time.

The first two steps of a batch's life (see `streams.scoring.partition`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from models.engine.merge import Merger
from models.engine.records import Merged, Record, make_chunk
from models.engine.state import PartitionState
from streams.clock import now_us
from streams.config import Config
from streams.scoring.settling import Settling
from streams.telemetry.metrics import Metrics


class LogEnd(NamedTuple):
    """Where a topic partition ends at the broker, and up to where the client has read it."""

    end: int
    read: int


AskLogEnds = Callable[[Sequence[tuple[str, int]]], Awaitable[dict[tuple[str, int], LogEnd]]]

SETTLED_SECONDS = 2.0
"""A log that ends with transaction markers is never reached by a record: it counts as read when
the client has stood behind the same end for so long and nothing was handed over."""

BUFFER_BATCHES = 2
"""Records of a source that one partition buffers before reading pauses, as ``max_batch`` times."""

WORKER_BATCHES = 4
"""The same for all partitions of a worker together: what is buffered must not grow with them."""


def room_for(max_batch: int, partitions: int) -> int:
    """Records that each of a worker's partitions may buffer of a source, before reading pauses."""
    shared = WORKER_BATCHES * max_batch // max(partitions, 1)
    return max(1, min(BUFFER_BATCHES * max_batch, shared))


PACE_SECONDS = 0.025
"""From the beginning of one batch to that of the next, at least, unless there is enough for a full
one: so the fixed costs of a batch are shared by the records that come meanwhile."""


class Inflow:
    """Buffers of the sources of one claimed partition.

    expected: for each source the offset that comes next into its buffer.
    """

    def __init__(
        self,
        config: Config,
        number: int,
        state: PartitionState,
        log_ends: AskLogEnds,
        metrics: Metrics,
    ) -> None:
        self.expected = [source.applied + 1 for source in state.sources]
        self._config = config
        self._places = [(source.input_topic, number) for source in config.spec.sources]
        self._log_ends = log_ends
        self._metrics = metrics
        self._merger = Merger(len(self._places))
        self._settling = Settling(config.merge_wait / 1e6)
        self._arrived = [source.arrival for source in state.sources]
        self._gaps = [(-1, -1)] * len(self._places)
        self._passed_at = [(-1, 0.0)] * len(self._places)
        self._news = asyncio.Event()
        self._began = 0.0

    def __bool__(self) -> bool:
        """Whether anything is buffered."""
        return any(self._merger.buffered)

    # --- 1. in ---------------------------------------------------------------------------------

    def wants(self, source: int, room: int) -> bool:
        """Whether fewer than ``room`` records of a source are buffered."""
        return self._merger.buffered[source] < room

    def push(self, source: int, records: Sequence[Record]) -> int | None:
        """Buffer fetched records; those that were read before are left out.

        Records that don't follow on what was read before may have been fetched before a rebalance,
        from another place: they are refused, and the answer is the offset to read from. A gap
        that is found there again is one of the log (compaction, retention, transactions).
        """
        if records[0].offset < self.expected[source]:
            records = [record for record in records if record.offset >= self.expected[source]]
        if not records:
            return None
        gap = (self.expected[source], records[0].offset)
        if gap[1] > gap[0] and self._gaps[source] != gap:
            self._gaps[source] = gap
            return gap[0]
        declared = self._config.spec.sources[source]
        chunk = make_chunk(declared, records, self._arrived[source], now_us())
        self._arrived[source] = int(chunk.arrivals[-1])
        self.expected[source] = records[-1].offset + 1
        self._merger.push(source, chunk)
        self._settling.note(time.monotonic(), max(self._arrived))
        self._metrics.records.labels(declared.name).inc(len(records))
        self.wake()
        return None

    # --- 2. merge ------------------------------------------------------------------------------

    async def take(self) -> Merged | None:
        """The next records in time order; None when there are none yet, having waited a little.

        A source with nothing buffered holds the others back for ``merge_wait`` after they came (a
        producer's batches of several topics become visible one after the other), and then until
        the broker says, AFTER that, that there is nothing more of it. Behind, with a backlog of
        some sources and nothing of others, they came long ago: it costs one question a batch.
        """
        self._news.clear()
        await self._fill_up()
        limit = self._config.worker.max_batch
        buffered = self._merger.buffered
        merged = self._merger.take([True] * len(buffered), limit)
        if merged is not None:
            return merged
        now, oldest = time.monotonic(), self._merger.oldest()
        due = self._settling.due(now, oldest)
        if due > now:
            await self.hear(due - now)
            return None
        ceiling = self._settling.ceiling
        merged = self._merger.take([not up for up in await self.caught_up()], limit, ceiling)
        if merged is None:
            await self.hear(self._config.merge_wait / 1e6)
        return merged

    async def _fill_up(self) -> None:
        """Let a small batch grow, until ``PACE_SECONDS`` after the last one began."""
        pause = self._began + PACE_SECONDS - time.monotonic()
        if pause > 0 and sum(self._merger.buffered) < self._config.worker.max_batch:
            await asyncio.sleep(pause)
        self._began = time.monotonic()

    async def hear(self, seconds: float) -> None:
        """Wait for news, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()

    def wake(self) -> None:
        """End :meth:`hear`."""
        self._news.set()

    async def caught_up(self) -> list[bool]:
        """For each source whether the broker has nothing that is not buffered or applied."""
        expected = list(self.expected)
        ends = await self._log_ends(self._places)
        return [
            ends[place].end <= next_one or self._passed(source, ends[place])
            for source, (place, next_one) in enumerate(zip(self._places, expected, strict=True))
        ]

    def _passed(self, source: int, log_end: LogEnd) -> bool:
        """Whether the client has been past the end of a log for long, with nothing handed over."""
        if log_end.read < log_end.end or self._passed_at[source][0] != log_end.end:
            self._passed_at[source] = (log_end.end, time.monotonic())
        return time.monotonic() - self._passed_at[source][1] > SETTLED_SECONDS
