"""Finds a process that lives but does nothing, and makes it begin anew.

It can happen without any error: a consumer that left its group after a failed rebalance, a fetch
that never returns, an agent that hangs (see the notes on Faust in docs/operations.md). What gives
it away: the broker has records that this process should work on, no service is away, and nothing
has moved for a while. Time is counted in looks, not by the clock: a process that was paused
(SIGSTOP, a sleeping machine) gets its looks back before it is judged.
"""

from __future__ import annotations

import asyncio
import faulthandler
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.supervision import StartAnew, start_anew
from streams.telemetry.metrics import Metrics
from streams.topics.identity import AWAY, TopicIdentities
from streams.transport.batches import BatchApp, Place, Standing
from streams.transport.log_ends import LogEnds

log = structlog.get_logger(__name__)

LOOKS = 6
"""Looks without any movement before a process begins anew."""

ANSWER_SECONDS = 5.0


class Stalled(StartAnew):
    """Records are there, services are there, and nothing moves."""


class TopicChanged(StartAnew):
    """A topic is not the one whose records were applied: claiming again says what to do."""


class Watchdog:
    """Looks at one app; :meth:`watch` raises StartAnew when something is wrong with it.

    pause: seconds between two looks. topics: None where only examples are read.
    """

    def __init__(
        self,
        app: BatchApp,
        ends: LogEnds,
        redis: Redis,
        metrics: Metrics,
        topics: TopicIdentities | None,
        pause: float,
    ) -> None:
        self._app = app
        self._ends = ends
        self._redis = redis
        self._metrics = metrics
        self._topics = topics
        self._pause = pause
        self._unmoved: dict[Any, tuple[Any, int]] = {}

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(self._pause)
            await self._look_at_topics()
            await self.look()

    async def look(self) -> None:
        """Compare what there is to do with what moves."""
        suspicious = {} if self._somebody_away() else await self._suspicious()
        counts = {
            what: (how, self._looks_unmoved(what, how) + 1) for what, how in suspicious.items()
        }
        self._unmoved = counts
        worst = max((count for _, count in counts.values()), default=0)
        if worst > LOOKS and await self._redis_answers():
            stalled = [str(what) for what, (_, count) in counts.items() if count == worst]
            raise Stalled(
                f"{', '.join(stalled)}: nothing has moved for {worst * self._pause:g} s, although "
                "there is something to do and no service is known to be away"
            )

    def _looks_unmoved(self, what: Any, how: Any) -> int:
        before, count = self._unmoved.get(what, (None, 0))
        return count if before == how else 0

    async def _suspicious(self) -> dict[Any, Any]:
        """What there is to do, and how it stands; that must differ at the next look."""
        if self._app.rebalancing:
            return {"rebalance": self._app.rebalancing_count}
        standing = self._app.hub.standing()
        try:
            ends = await asyncio.wait_for(self._ends.of(list(standing)), ANSWER_SECONDS)
        except (KafkaError, OSError, TimeoutError):
            return {}
        commits = self._commits()
        return {
            place: (how, commits.get(str(place[1])))
            for place, how in standing.items()
            if how.done < how.taken or await self._more(place, how, ends[place])
        }

    async def _more(self, place: Place, how: Standing, end: int) -> bool:
        """Whether there are records that should have been taken over.

        Behind the last record there may be transaction markers, which nobody ever hands over.
        """
        if not how.wants or end <= how.taken:
            return False
        consumer = self._app.batch_consumer
        if consumer.handed.get(place, 0) > how.taken:
            return True
        try:
            read = await asyncio.wait_for(consumer.position(TP(*place)), ANSWER_SECONDS)
        except TimeoutError:
            return True
        return read is None or read < end

    def _somebody_away(self) -> bool:
        families = self._metrics.waiting.collect()
        return any(sample.value > 0 for family in families for sample in family.samples)

    async def _redis_answers(self) -> bool:
        try:
            await asyncio.wait_for(_ping(self._redis), ANSWER_SECONDS)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    def _commits(self) -> Mapping[str, float]:
        return {
            sample.labels["partition"]: sample.value
            for family in self._metrics.commits.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    async def _look_at_topics(self) -> None:
        if self._topics is None:
            return
        with suppress(*AWAY):
            changed = await self._topics.changed()
            if changed is not None:
                raise TopicChanged(
                    f"topic {changed} was deleted, created again or given other partitions"
                )


async def _ping(redis: Redis) -> None:
    answer: Any = redis.ping()
    await answer


@asynccontextmanager
async def awake(pause: float, last_resort: Callable[[], Any] = start_anew) -> AsyncIterator[None]:
    """Begin anew also when the event loop itself hangs, which no task of it could notice.

    pause: seconds between two looks of a thread at the loop's heartbeat.
    """
    beats = 0
    over = threading.Event()

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(pause / 4)

    def look() -> None:
        seen, unmoved = -1, 0
        while not over.wait(pause):
            seen, unmoved = beats, (unmoved + 1 if seen == beats else 0)
            if unmoved > LOOKS:
                log.error("the event loop hangs: starting anew", for_s=unmoved * pause)
                faulthandler.dump_traceback()
                last_resort()

    heart = asyncio.create_task(beat())
    threading.Thread(target=look, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        heart.cancel()


@asynccontextmanager
async def watching(
    watch: Callable[[], Awaitable[None]], fail: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Watch for the time of the block; what is found goes to ``fail``."""

    async def guarded() -> None:
        try:
            await watch()
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not pass unseen
            fail(error)

    task = asyncio.create_task(guarded())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
