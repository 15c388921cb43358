"""Telling how each source is doing as a whole: the deed of one worker of the group.

Elected is whoever has partition 0: the consumer group sees to it that somebody has, and that
partition's token in Redis (checked before anything is sent) that nobody else does. What is told
follows from the records of the sources topic alone, so the next one elected goes on where the last
one stopped. Nothing that is told here reaches a score: scoring uses its own partition's evidence,
and verdicts that are records (docs/decisions/021).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from models.engine.requests import Output
from models.learning.costs import told_of
from models.staleness.health import HEALTH
from models.staleness.overall import differs
from schemas.codec import encode
from schemas.sources import SourceOverall
from schemas.times import format_time
from streams.clock import now_us
from streams.config import Config
from streams.connections import Connections
from streams.scoring.hub import ScoreHub
from streams.snapshots.registry import ModelRegistry
from streams.sources.overview import SourcesOverview
from streams.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

TAIL = 5_000
"""Records before the end that are read at first: several rounds of every source and partition."""
EVERY_S = 5.0
INTERVAL_S = 60.0
"""What has not changed is told this often."""


class Overseer:
    """Merges what the partitions say, and tells it while this process has partition 0."""

    def __init__(
        self, config: Config, hub: ScoreHub, models: ModelRegistry, metrics: Metrics
    ) -> None:
        spec = config.spec
        self.overview = SourcesOverview(spec.app, [source.name for source in spec.sources])
        self._hub = hub
        self._models = models
        self._metrics = metrics
        self._said: dict[str, float] = {}

    async def tell(self) -> None:
        """Tell what has changed, and everything now and then; nothing where another is elected."""
        elected = next((one for one in self._hub.claimed if one.number == 0), None)
        if elected is None:
            self._metrics.forget_sources()
            return
        found = self.overview.merged(format_time(now_us()))
        merged = [self._priced(one) for one in found]
        for one in merged:
            self._show(one)
        due = [one for one in merged if self._is_due(one)]
        if due:
            await elected.tell([Output("sources", one.source.encode(), encode(one)) for one in due])
            for one in due:
                self.overview.told[one.source] = one
                self._said[one.source] = time.monotonic()

    def _priced(self, one: SourceOverall) -> SourceOverall:
        """With what it costs not to know the source, or to have it late, as the trainer found."""
        newest = self._models.newest
        missing, late = told_of({} if newest is None else newest.metrics, one.source)
        return replace(one, cost_missing=missing, cost_late=late)

    def _is_due(self, one: SourceOverall) -> bool:
        last = self._said.get(one.source)
        if last is None or time.monotonic() - last >= INTERVAL_S:
            return True
        return differs(one, self.overview.told.get(one.source))

    def _show(self, one: SourceOverall) -> None:
        metrics, name = self._metrics, one.source
        metrics.source_health.labels(name).set(HEALTH.index(one.health))
        metrics.source_affected.labels(name).set(len(one.affected))
        metrics.source_missing.labels(name).set(len(one.missing))
        metrics.source_later.labels(name).set(0.0 if one.later is None else one.later.share)
        for gauge, value in (
            (metrics.source_overall_staleness, one.staleness_s),
            (metrics.source_silence, one.silence_s),
            (metrics.source_delay, one.delay_p50_s),
        ):
            gauge.labels(name).set(float("nan") if value is None else value)


@asynccontextmanager
async def overseeing(
    overseer: Overseer, topic: str, connections: Connections
) -> AsyncIterator[None]:
    """Follow the sources topic in the background."""
    task = asyncio.create_task(_follow(overseer, topic, connections))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(overseer: Overseer, topic: str, connections: Connections) -> None:
    """Scoring goes on whatever happens here: it is tried again, and said."""
    while True:
        consumer = AIOKafkaConsumer(enable_auto_commit=False, **connections.aiokafka())
        try:
            await consumer.start()
            await _read(overseer, topic, consumer)
        except Exception as error:  # noqa: BLE001  # whatever it is, scores matter more
            log.warning("the state of the sources is not told, trying again", error=repr(error))
            await asyncio.sleep(EVERY_S)
        finally:
            await consumer.stop()


async def _read(overseer: Overseer, topic: str, consumer: AIOKafkaConsumer) -> None:
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    begin = (await consumer.beginning_offsets([place]))[place]
    consumer.seek(place, max(begin, end - TAIL))
    told = 0.0
    while True:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            for record in records:
                overseer.overview.take(record.value)
        caught_up = await consumer.position(place) >= end
        if caught_up and time.monotonic() - told >= EVERY_S:
            told = time.monotonic()
            await overseer.tell()
