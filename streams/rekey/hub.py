"""One source being rekeyed: its original partitions in, copies out, offsets.

The life of a round:

1. fetched chunks are read as far as is needed and buffered for each original partition
   (:meth:`RekeyHub.push`);
2. what nothing can come before any more is merged in the order of arrival (:meth:`_take`);
3. the copies are made, appended and acknowledged;
4. the offsets become committable.

A crash between 3 and 4 makes the same copies again, which the scoring role recognises. The role
remembers nothing else, so where it goes on is the group's commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import structlog

from models.engine.merge import Merger
from models.engine.records import Merged, Record
from models.grid import NEVER
from models.spec import SourceSpec
from streams.clock import now_us
from streams.config import Config
from streams.rekey.routing import Router, read_chunk
from streams.rekey.sender import CopySender
from streams.scoring.inflow import SETTLED_SECONDS, AskLogEnds, LogEnd
from streams.supervision import Fatal, Supervisor
from streams.telemetry.metrics import Metrics
from streams.transport.batches import Place, Standing

log = structlog.get_logger(__name__)

BUFFER_BATCHES = 3
"""Records buffered for each original partition, in units of ``max_batch``, at the most."""


class RekeyHub:
    """Copies one source while its partitions are assigned to this process."""

    def __init__(
        self,
        config: Config,
        source: SourceSpec,
        sender: CopySender,
        metrics: Metrics,
        supervisor: Supervisor,
    ) -> None:
        self.source = source
        self._config = config
        self._sender = sender
        self._metrics = metrics
        self._supervisor = supervisor
        self._lanes = 0
        self._durable: dict[Place, int] = {}
        self._ends: AskLogEnds | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._stopping = self._resumed = False
        self._clear()

    def _clear(self) -> None:
        self._found: Sequence[int] | None = None
        self._held_since: float | None = None
        self._merger = Merger(self._lanes)
        self._expected = [0] * self._lanes
        self._arrived = [NEVER] * self._lanes
        self._gaps = [(-1, -1)] * self._lanes
        self._passed_at = [(-1, 0.0)] * self._lanes

    # --- what the transport asks ---------------------------------------------------------------

    def wants(self, topic: str, partition: int) -> bool:  # noqa: ARG002  # there is only one
        """Whether there is room for more records of an original partition."""
        room = BUFFER_BATCHES * self._config.worker.max_batch
        return partition < self._lanes and self._merger.buffered[partition] < room

    def durable(self) -> Mapping[Place, int]:
        """For each original partition the offset up to which everything is copied, + 1."""
        return self._durable

    def standing(self) -> Mapping[Place, Standing]:
        """How far each original partition has come."""
        if not self._resumed:
            return {}
        places = [(self.source.topic, lane) for lane in range(self._lanes)]
        return {
            place: Standing(taken, taken - self._merger.buffered[place[1]], self.wants(*place))
            for place, taken in zip(places, self._expected, strict=True)
        }

    def resume_at(self, committed: Mapping[Place, int]) -> Mapping[Place, int]:
        """Where the group committed; nothing else is remembered."""
        for (_, lane), offset in committed.items():
            if lane < self._lanes:
                self._expected[lane] = offset
        self._resumed = True
        self._check_beginning()
        return {}

    def _check_beginning(self) -> None:
        """Refuse a topic that is shorter than what was copied of it.

        Asked when ends are known and the group has resumed: while one rebalance follows another
        either may be first.
        """
        if not self._resumed or self._found is None:
            return
        for lane, (offset, end) in enumerate(zip(self._expected, self._found, strict=True)):
            if offset > end:
                self._stopping = True  # nothing has been read yet: nothing is copied
                self._supervisor.fail(
                    Fatal(
                        f"topic {self.source.topic} partition {lane} was copied up to offset "
                        f"{offset}, but ends at {end}: it was emptied or made again, and its new "
                        "records would be taken for repeats. Use another app name"
                    )
                )

    def push(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:  # noqa: ARG002
        """Buffer fetched records; an answer is the offset to read from instead (a gap)."""
        if partition >= self._lanes or not self._resumed:
            return None
        fresh = [record for record in records if record.offset >= self._expected[partition]]
        if not fresh:
            return None
        gap = (self._expected[partition], fresh[0].offset)
        if gap[1] > gap[0] and self._gaps[partition] != gap:
            self._gaps[partition] = gap
            return gap[0]
        chunk = read_chunk(self.source, fresh, self._arrived[partition], now_us())
        self._arrived[partition] = int(chunk.arrivals[-1])
        self._expected[partition] = fresh[-1].offset + 1
        self._merger.push(partition, chunk)
        self._news.set()
        return None

    # --- assignment ----------------------------------------------------------------------------

    async def claim(self, lanes: int, ends: AskLogEnds) -> None:
        """Get ready to copy. lanes: how many original partitions there are."""
        await self.release()
        self._durable.clear()
        self._lanes, self._ends = lanes, ends
        self._clear()
        self._stopping = False
        self._found = [end.end for end in await self._ask()]
        self._check_beginning()
        router = Router(self.source, lanes, await self._sender.partitions())
        self._task = asyncio.create_task(self._guarded(router))
        log.info("rekeying", source=self.source.name, topic=self.source.topic, partitions=lanes)

    async def release(self) -> None:
        """Finish the round at hand and let go of everything."""
        self._stopping, self._resumed = True, False
        self._news.set()
        if self._task is not None:
            grace = self._config.worker.session_timeout / 1e6 / 2
            _, unfinished = await asyncio.wait([self._task], timeout=grace)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _guarded(self, router: Router) -> None:
        try:
            await self._run(router)
        except Exception as error:
            log.exception("a source cannot be rekeyed any further", source=self.source.name)
            self._supervisor.fail(error)

    # --- copying -------------------------------------------------------------------------------

    async def _run(self, router: Router) -> None:
        while not self._stopping:
            self._news.clear()
            merged = await self._take()  # 2
            if merged is None:
                if not any(self._merger.buffered):
                    await self._idle()
                continue
            await self._sender.send(router.route(merged, now_us()))  # 3
            for lane, chunk in enumerate(merged.parts):
                if chunk is not None:
                    self._durable[self.source.topic, lane] = int(chunk.offsets[-1]) + 1  # 4
            self._metrics.rekeyed.labels(self.source.name).inc(len(merged))

    async def _take(self) -> Merged | None:
        """The next records in the order of arrival; like the merge of the sources."""
        limit, buffered = self._config.worker.max_batch, self._merger.buffered
        if not any(buffered):
            return None
        merged = self._merger.take([True] * self._lanes, limit)
        if merged is not None or all(buffered):
            self._held_since = None
            return merged
        if await self._news_in_time():
            return None
        newest = self._merger.newest()
        caught_up = await self._caught_up()
        return self._merger.take([not up for up in caught_up], limit, newest)

    async def _news_in_time(self) -> bool:
        """Wait for an empty lane's records, but not for ever; False when that has been too long."""
        now = time.monotonic()
        self._held_since = self._held_since or now
        try:
            rest = self._held_since + self._config.merge_wait / 1e6 - now
            await asyncio.wait_for(self._news.wait(), max(0.0, rest))
        except TimeoutError:
            self._held_since = None
            return False
        return True

    async def _caught_up(self) -> list[bool]:
        expected = list(self._expected)
        ends = await self._ask()
        return [
            end.end <= expected[lane] or self._passed(lane, end) for lane, end in enumerate(ends)
        ]

    def _passed(self, lane: int, end: LogEnd) -> bool:
        """Whether the client has long been behind a log's end, which no record will reach."""
        if end.read < end.end or self._passed_at[lane][0] != end.end:
            self._passed_at[lane] = (end.end, time.monotonic())
        return time.monotonic() - self._passed_at[lane][1] > SETTLED_SECONDS

    async def _idle(self) -> None:
        """Wait for news; logs that end with something else than records count as copied then."""
        try:
            await asyncio.wait_for(self._news.wait(), 1.0)
        except TimeoutError:
            expected = list(self._expected)
            for lane, end in enumerate(await self._ask()):
                waiting = self._merger.buffered[lane] or self._expected[lane] != expected[lane]
                if not waiting and end.end > expected[lane] and self._passed(lane, end):
                    self._durable[self.source.topic, lane] = end.end

    async def _ask(self) -> list[LogEnd]:
        assert self._ends is not None
        places = [(self.source.topic, lane) for lane in range(self._lanes)]
        ends = await self._ends(places)
        return [ends[place] for place in places]
