"""One claimed partition at work: buffers, merge, engine, and the fixed order of effects.

A batch's life:

1. fetched chunks are decoded and buffered for each source (:meth:`Inflow.push`);
2. what nothing can come before any more is merged (:meth:`Inflow.take`);
3. the engine works on it and asks for state, indexes and models (:meth:`Partition._drive`);
4. a commit (:meth:`Partition._commit`): a. outputs are sent and acknowledged, b. state is written,
   fenced, slice by slice, the partition record with the last, c. the offsets become committable.

A crash between a and b computes the same outputs with the same ids again; between b and c the
records are skipped, their effects being durable.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from models.engine.engine import Engine
from models.engine.records import Record
from models.engine.requests import (
    Commit,
    Load,
    ModelAt,
    Output,
    Request,
    Reread,
    Run,
    ScanAtRisk,
    ScanExpired,
    ScanPending,
)
from models.engine.status import dead_letters
from models.grid import NEVER
from streams.clock import now_us
from streams.config import Config
from streams.outputs import Outputs
from streams.patience import REDIS_AWAY, patiently
from streams.scoring.inflow import AskLogEnds, Inflow
from streams.snapshots.registry import ModelRegistry
from streams.state.store import PartitionStore
from streams.telemetry.metrics import Metrics
from streams.transport.past import PastRecords

log = structlog.get_logger(__name__)


STATUS_SECONDS = 5.0


class Partition:
    """A claimed partition; :meth:`run` works until :meth:`stop`.

    committing: whether effects are being made real right now, which had better not be broken off.
    """

    def __init__(
        self,
        config: Config,
        engine: Engine,
        store: PartitionStore,
        outputs: Outputs,
        models: ModelRegistry,
        log_ends: AskLogEnds,
        past: PastRecords,
        metrics: Metrics,
    ) -> None:
        self.engine = engine
        self._config = config
        self._store = store
        self._outputs = outputs
        self._models = models
        self._past = past
        self._rebuilding = False
        self._metrics = metrics
        self._inflow = Inflow(config, engine.partition, engine.state, log_ends, metrics)
        self._durable = [state.applied + 1 for state in engine.state.sources]
        self._rejected = [dead_letters(state) for state in engine.state.sources]
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

    @property
    def expected(self) -> list[int]:
        """For each source the offset that comes next into its buffer."""
        return self._inflow.expected

    def wants(self, source: int, room: int) -> bool:
        """Whether fewer than ``room`` records of a source are buffered."""
        return self._inflow.wants(source, room)

    def push(self, source: int, records: Sequence[Record]) -> int | None:
        """Buffer fetched records; see Inflow.push."""
        return self._inflow.push(source, records)

    async def run(self) -> None:
        """Work off what is buffered, move the clock when live, until stopped."""
        while not self._stopping:
            if self._inflow and await self._work():
                pass
            elif self.engine.state.sweep is not None:
                await self._drive(self.engine.drain(now_us()))
            elif not self._inflow:
                await self._idle()
            await self._tell()

    def stop(self) -> None:
        """Finish the commit at hand, then end :meth:`run`."""
        self._stopping = True
        self._inflow.wake()

    async def _work(self) -> bool:
        """One batch; False where the merge still has to wait."""
        merged = await self._inflow.take()
        if merged is None:
            return False
        if not self._stopping:
            with self._metrics.batch_seconds.time():
                await self._drive(self.engine.advance(merged, now_us()))
        return True

    async def _idle(self) -> None:
        """Nothing to do: live, the wall clock moves on; otherwise wait for news."""
        live, asked_at = self._config.spec.clock == "live", now_us()
        if live and await self._nothing_left() and not self._quiet():
            clock = asked_at - self._config.merge_wait
            await self._drive(self.engine.move_clock(clock, now_us()))
        await self._inflow.hear(0.25 if live else 1.0)

    async def _nothing_left(self) -> bool:
        return all(await self._inflow.caught_up()) and not self._inflow

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
        self._tell_of_rebuilding(isinstance(request, Reread))
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
            case Reread(source, newest, until):
                topic = self._config.spec.sources[source].input_topic
                return await self._past.read(topic, self.number, newest, until)
            case Commit():
                return await self._commit(request)

    def _tell_of_rebuilding(self, rebuilding: bool) -> None:
        """Say that records behind wait for a reason; the watchdog asks for it."""
        if rebuilding and not self._rebuilding:
            self._metrics.waiting.labels("rebuild").inc()
            log.info("reading records again without what was rejected", partition=self.number)
        elif self._rebuilding and not rebuilding:
            self._metrics.waiting.labels("rebuild").dec()
        self._rebuilding = rebuilding

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
            found = dead_letters(state)
            for reason, count in (found - self._rejected[i]).items():
                self._metrics.rejected.labels(source.name, reason).inc(count)
            self._rejected[i] = found

    async def _patiently(self, operation: Callable[[], Awaitable[Any]]) -> Any:
        return await patiently(operation, REDIS_AWAY, "redis", self._metrics)

    async def _tell(self) -> None:
        """Metrics always; a record about each source every ``STATUS_SECONDS``."""
        self._show()
        if time.monotonic() - self._told >= STATUS_SECONDS:
            self._told = time.monotonic()
            await self._patiently(self._store.check)
            await self._outputs.send(self.engine.statuses(now_us()))

    async def tell(self, outputs: Sequence[Output]) -> None:
        """Send records on behalf of all partitions, if this one is still claimed."""
        await self._patiently(self._store.check)
        await self._outputs.send(outputs)

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
