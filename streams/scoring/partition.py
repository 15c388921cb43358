"""One claimed partition at work: buffers, merge, engine, and the fixed order of effects.

A batch's life:

1. fetched chunks are decoded and buffered for each source (:meth:`Partition.push`);
2. what nothing can come before any more is merged (:meth:`Partition._take`);
3. the engine works on it and asks for state, indexes and models (:meth:`Partition._drive`);
4. a commit (:meth:`Partition._commit`): a. outputs are sent and acknowledged, b. state is written,
   fenced, slice by slice, the partition record with the last, c. the offsets become committable.

A crash between a and b computes the same outputs with the same ids again; between b and c the
records are skipped, their effects being durable.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import structlog

from models.engine.engine import Engine, Run
from models.engine.merge import Merger
from models.engine.records import Merged, Record, make_chunk
from models.engine.requests import (
    Commit,
    Load,
    ModelAt,
    Request,
    ScanAtRisk,
    ScanExpired,
    ScanPending,
)
from models.grid import NEVER
from streams.config import Config
from streams.outputs import Outputs
from streams.patience import REDIS_AWAY, patiently
from streams.snapshots.registry import ModelRegistry
from streams.state.store import PartitionStore
from streams.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class LogEnd(NamedTuple):
    """Where a topic partition ends at the broker, and up to where the client has read it."""

    end: int
    read: int


AskLogEnds = Callable[[Sequence[tuple[str, int]]], Awaitable[dict[tuple[str, int], LogEnd]]]

SETTLED_SECONDS = 2.0
"""A log that ends with transaction markers is never reached by a record: it counts as read when
the client has stood behind the same end for so long and nothing was handed over."""

BUFFER_BATCHES = 3
"""Records buffered for each source, in units of ``max_batch``, before reading pauses."""


STATUS_SECONDS = 5.0


def now_us() -> int:
    """The wall clock, microseconds since the epoch."""
    return time.time_ns() // 1000


class Partition:
    """A claimed partition; :meth:`run` works until :meth:`stop`.

    expected: for each source the offset that comes next into its buffer. committing: whether
    effects are being made real right now, which had better not be broken off.
    """

    def __init__(
        self,
        config: Config,
        engine: Engine,
        store: PartitionStore,
        outputs: Outputs,
        models: ModelRegistry,
        log_ends: AskLogEnds,
        metrics: Metrics,
    ) -> None:
        self.engine = engine
        self.expected = [state.applied + 1 for state in engine.state.sources]
        self._config = config
        self._store = store
        self._outputs = outputs
        self._models = models
        self._log_ends = log_ends
        self._metrics = metrics
        self._merger = Merger(len(config.spec.sources))
        self._arrived = [state.arrival for state in engine.state.sources]
        self._durable = [state.applied + 1 for state in engine.state.sources]
        self._gaps = [(-1, -1)] * len(self.expected)
        self._passed_at = [(-1, 0.0)] * len(self.expected)
        self._rejected = [Counter(state.rejected) for state in engine.state.sources]
        self._news = asyncio.Event()
        self.committing = False
        self._stopping = False
        self._said_quiet = False
        self._told = 0.0

    @property
    def number(self) -> int:
        """The partition number."""
        return self.engine.partition

    @property
    def durable(self) -> list[int]:
        """For each source the offset up to which effects are durable, + 1."""
        return self._durable

    # --- 1. in ---------------------------------------------------------------------------------

    def wants(self, source: int) -> bool:
        """Whether there is room for more records of a source."""
        return self._merger.buffered[source] < BUFFER_BATCHES * self._config.worker.max_batch

    def push(self, source: int, records: Sequence[Record]) -> int | None:
        """Buffer fetched records; those that were read before are left out.

        Records that don't follow on what was read before may have been fetched before a rebalance,
        from another place: they are refused, and the answer is the offset to read from. A gap
        that is found there again is one of the log (compaction, retention, transactions).
        """
        fresh = [record for record in records if record.offset >= self.expected[source]]
        if not fresh:
            return None
        gap = (self.expected[source], fresh[0].offset)
        if gap[1] > gap[0] and self._gaps[source] != gap:
            self._gaps[source] = gap
            return gap[0]
        declared = self._config.spec.sources[source]
        chunk = make_chunk(declared, fresh, self._arrived[source], now_us())
        self._arrived[source] = int(chunk.arrivals[-1])
        self.expected[source] = fresh[-1].offset + 1
        self._merger.push(source, chunk)
        self._metrics.records.labels(declared.name).inc(len(fresh))
        self._news.set()
        return None

    # --- 2. merge ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work off what is buffered, move the clock when live, until stopped."""
        while not self._stopping:
            self._news.clear()
            merged = await self._take()
            if merged is not None:
                with self._metrics.batch_seconds.time():
                    await self._drive(self.engine.advance(merged, now_us()))
            elif self.engine.state.sweep is not None:
                await self._drive(self.engine.drain(now_us()))
            else:
                await self._idle()
            await self._tell()

    def stop(self) -> None:
        """Finish the commit at hand, then end :meth:`run`."""
        self._stopping = True
        self._news.set()

    async def _take(self) -> Merged | None:
        """The next records in time order.

        A source with nothing buffered holds the others back for ``merge_wait`` (a producer's
        batches of several topics become visible one after the other), and then until the broker
        says, AFTER what is buffered was read, that there is nothing more of it.
        """
        limit = self._config.worker.max_batch
        buffered = self._merger.buffered
        empty = [s for s, count in enumerate(buffered) if count == 0]
        if len(empty) == len(buffered):
            return None
        merged = self._merger.take([True] * len(buffered), limit)
        if merged is not None or not empty:
            return merged
        newest = self._merger.newest()
        await asyncio.sleep(self._config.merge_wait / 1e6)
        caught_up = await self._caught_up()
        return self._merger.take([not up for up in caught_up], limit, newest)

    async def _caught_up(self) -> list[bool]:
        """For each source whether the broker has nothing that is not buffered or applied."""
        expected = list(self.expected)
        places = [(source.input_topic, self.number) for source in self._config.spec.sources]
        ends = await self._log_ends(places)
        return [
            ends[place].end <= next_one or self._passed(source, ends[place])
            for source, (place, next_one) in enumerate(zip(places, expected, strict=True))
        ]

    def _passed(self, source: int, log_end: LogEnd) -> bool:
        """Whether the client has been past the end of a log for long, with nothing handed over."""
        if log_end.read < log_end.end or self._passed_at[source][0] != log_end.end:
            self._passed_at[source] = (log_end.end, time.monotonic())
        return time.monotonic() - self._passed_at[source][1] > SETTLED_SECONDS

    async def _idle(self) -> None:
        """Nothing to do: live, the wall clock moves on; otherwise wait for news."""
        live = self._config.spec.clock == "live"
        if live and await self._nothing_left() and not self._quiet():
            clock = now_us() - self._config.merge_wait
            await self._drive(self.engine.move_clock(clock, now_us()))
        try:
            await asyncio.wait_for(self._news.wait(), 0.25 if live else 1.0)
        except TimeoutError:
            return

    async def _nothing_left(self) -> bool:
        return not any(self._merger.buffered) and all(await self._caught_up())

    def _quiet(self) -> bool:
        """Whether the newest record is so old that jumping to the wall clock would be wrong."""
        clock, limit = self.engine.state.clock, self._config.worker.quiet_after
        quiet = clock > 0 and now_us() - clock > limit
        if quiet and not self._said_quiet:
            log.warning(
                "the newest record is older than quiet_after: the clock does not jump to now; "
                'for history use clock = "arrival"',
                partition=self.number,
                behind_s=(now_us() - clock) / 1e6,
            )
        self._said_quiet = quiet
        return quiet

    # --- 3. engine -----------------------------------------------------------------------------

    async def _drive(self, run: Run) -> None:
        answer: Any = None
        while True:
            try:
                request = run.send(answer)
            except StopIteration:
                return
            answer = await self._answer(request)
            if self._stopping and isinstance(request, Commit):
                return  # what is committed is whole; the rest is computed again elsewhere
            await asyncio.sleep(0)

    async def _answer(self, request: Request) -> Any:
        match request:
            case Load(users):
                return await self._patiently(lambda: self._store.load(users))
            case ScanAtRisk(after, limit):
                return await self._patiently(lambda: self._store.scan_at_risk(after, limit))
            case ScanPending(until, limit):
                return await self._patiently(lambda: self._store.scan_pending(until, limit))
            case ScanExpired(until, limit):
                return await self._patiently(lambda: self._store.scan_expired(until, limit))
            case ModelAt(at, epoch):
                return await self._models.at(at, epoch)
            case Commit():
                return await self._commit(request)

    # --- 4. effects ----------------------------------------------------------------------------

    async def _commit(self, commit: Commit) -> None:
        effects = commit.effects
        self.committing = True
        await self._outputs.send(effects.outputs)  # a
        await self._patiently(lambda: self._store.write(effects))  # b
        self._durable = [offset + 1 for offset in effects.applied]  # c
        self.committing = False
        self._metrics.commits.labels(str(self.number)).inc()
        self._count_rejected()

    def _count_rejected(self) -> None:
        """Count what this process has dead-lettered since it claimed the partition."""
        states = self.engine.state.sources
        for i, (source, state) in enumerate(zip(self._config.spec.sources, states, strict=True)):
            for reason, count in (state.rejected - self._rejected[i]).items():
                self._metrics.rejected.labels(source.name, reason).inc(count)
            self._rejected[i] = Counter(state.rejected)

    async def _patiently(self, operation: Callable[[], Awaitable[Any]]) -> Any:
        return await patiently(operation, REDIS_AWAY, "redis", self._metrics)

    async def _tell(self) -> None:
        """Metrics always; a record about each source every ``STATUS_SECONDS``."""
        self._show()
        if time.monotonic() - self._told >= STATUS_SECONDS:
            self._told = time.monotonic()
            await self._patiently(self._store.check)
            await self._outputs.send(self.engine.statuses(now_us()))

    def _show(self) -> None:
        metrics, state, number = self._metrics, self.engine.state, str(self.number)
        metrics.users.labels(number).set(len(self.engine.slab))
        metrics.clock.labels(number).set(state.clock / 1e6)
        for source, seen in zip(self._config.spec.sources, state.sources, strict=True):
            metrics.disordered.labels(source.name, number).set(seen.disordered)
            watermark = seen.progress.watermark(source, state.clock)
            if watermark != NEVER:
                staleness = (state.clock - watermark) / 1e6
                metrics.staleness.labels(source.name, number).set(staleness)
