"""What a scorer knows of models: the announcements on the models topic, and loaded snapshots.

Read by every process from the beginning, without a consumer group: all need all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.learning.errors import SnapshotError
from models.learning.reign import KEPT_VERSIONS
from models.learning.scorer import Scorer
from models.learning.snapshots import check_manifest, load_scorer, prior_scorer
from models.spec import Spec
from schemas.codec import CodecError, decode_manifest
from schemas.snapshots import Manifest
from schemas.times import format_time
from streams.connections import Connections
from streams.patience import REDIS_AWAY, patiently
from streams.snapshots.store import SnapshotStore
from streams.telemetry.metrics import Metrics

LOADED_VERSIONS = 8
"""Scorers of a model kept in memory behind the newest one loaded."""

Version = tuple[str, int]
"""Name and version of a model."""

log = structlog.get_logger(__name__)


class ModelRegistry:
    """Announced models of one app, newest epochs last; snapshots are loaded when asked for.

    An announcement that must be refused (unsigned, signed with another key, of another feature
    set …) is never noted, so it cannot take the place of a good one of the same epoch.

    The first model's announcement closes an epoch: it comes after the challengers', and its reign
    says which version of which model scores.

    wait: seconds that a partition on the arrival clock waits for an announcement.
    refusal: why the last one was refused, None if none was.
    """

    def __init__(
        self, spec: Spec, store: SnapshotStore, key: bytes | None, wait: float, metrics: Metrics
    ) -> None:
        self._spec = spec
        self._store = store
        self._key = key
        self._wait = wait
        self._metrics = metrics
        self._announced: dict[str, dict[int, Manifest]] = {m.name: {} for m in spec.models}
        self._versions: dict[Version, Manifest] = {}
        self.refusal: SnapshotError | None = None
        self._prior = prior_scorer(spec)
        self._scorers: dict[Version, Scorer] = {}
        self._refused: set[Version] = set()
        self._news = asyncio.Condition()
        self._given_up = False

    @property
    def manifests(self) -> dict[int, Manifest]:
        """Announcements of the first model, which close epochs, by the end of the epoch."""
        return self._announced[self._spec.model.name]

    def announced(self, name: str) -> dict[int, Manifest]:
        """Announcements of a model, by the end of the epoch."""
        return self._announced.get(name, {})

    async def hear(self, manifest: Manifest) -> None:
        """Take note of an announcement, if it is one of ours and good.

        A model that is not configured any more may still have been champion once.
        """
        if manifest.app != self._spec.app:
            return
        configured = manifest.name in (model.name for model in self._spec.models)
        try:
            check_manifest(self._spec.of_model(manifest.name), manifest, self._key)
        except SnapshotError as error:
            if configured:
                self.refusal = error
                self._count_refusal(manifest, error)
            return
        async with self._news:
            self._announced.setdefault(manifest.name, {})[manifest.epoch] = manifest
            self._versions[manifest.name, manifest.version] = manifest
            self._given_up = False
            self._refused.discard((manifest.name, manifest.version))
            if manifest.name == self._spec.model.name:
                reign = manifest.reign
                self._metrics.model_version.set(reign.version if reign else manifest.version)
            self._news.notify_all()

    async def at(self, time: int, epoch: int | None) -> Scorer:
        """The newest snapshot in force at ``time``.

        epoch: the end of the epoch that must have been announced by then. On the arrival clock
        waits for it, so that a slow trainer changes no score of a replay; live never waits.
        """
        if epoch is not None and not self._is_closed(epoch):
            await self._await_epoch(epoch)
        valid = [m for m in self.manifests.values() if m.valid_from <= time]
        for manifest in sorted(valid, key=lambda m: (m.epoch, m.version), reverse=True):
            champion = self._champion(manifest)
            scorer = await self._load(champion) if champion is not None else None
            if scorer is not None:
                return scorer
        return self._prior

    def _champion(self, closing: Manifest) -> Manifest | None:
        """The announcement of the version that scores after an epoch; None: the prior does."""
        reign = closing.reign
        if reign is None or (reign.name, reign.version) == (closing.name, closing.version):
            return closing if closing.version else None
        return self._versions.get((reign.name, reign.version)) if reign.version else None

    def _is_closed(self, epoch: int) -> bool:
        return max(self.manifests, default=epoch - 1) >= epoch

    async def _await_epoch(self, epoch: int) -> None:
        if self._spec.clock == "live" or self._given_up:
            self._metrics.model_waits.labels("without").inc()
            return
        log.info("waiting for the trainer", epoch=format_time(epoch), at_most_s=self._wait)
        try:
            async with self._news:
                arrived = self._news.wait_for(lambda: self._is_closed(epoch))
                with self._waiting():
                    await asyncio.wait_for(arrived, self._wait)
            self._metrics.model_waits.labels("arrived").inc()
        except TimeoutError:
            self._given_up = True
            self._metrics.model_waits.labels("timeout").inc()
            log.error(
                "no model for this epoch: scoring goes on with the newest one, and this replay "
                "is not repeatable from here. Is a trainer running (ebbline worker --roles "
                "train), and has every partition passed the epoch (publish heartbeats, or close "
                "with ebbline publish --close-at)?",
                epoch=format_time(epoch),
            )

    async def _load(self, manifest: Manifest) -> Scorer | None:
        """The scorer of a manifest's version; None, and a message, when it must be refused."""
        name, number = version = manifest.name, manifest.version
        if version not in self._scorers and version not in self._refused:
            try:
                payload = await self._payload(manifest)
                spec = self._spec.of_model(name)
                self._scorers[version] = load_scorer(spec, manifest, payload, self._key)
                for old in [v for v in self._scorers if v[0] == name]:
                    if old[1] < number - LOADED_VERSIONS:
                        del self._scorers[old]
            except SnapshotError as error:
                self._refused.add(version)
                self._count_refusal(manifest, error)
        return self._scorers.get(version)

    def _count_refusal(self, manifest: Manifest, error: SnapshotError) -> None:
        """Say it; the message says all, a traceback nothing."""
        reason = type(error).__name__
        self._metrics.model_refused.labels(reason).inc()
        log.error(
            "snapshot refused, the old model is kept",
            model=manifest.name,
            version=manifest.version,
            reason=reason,
            error=str(error),
        )

    async def _payload(self, manifest: Manifest) -> bytes | None:
        """The payload; on the arrival clock waits for one that the store lost.

        The trainer learns such an epoch again, with the same result.
        """
        name, newest = manifest.payload or "", self._newest_of(manifest.name)

        async def get() -> bytes | None:
            return await patiently(
                lambda: self._store.get(name), REDIS_AWAY, "snapshot store", self._metrics
            )

        payload = await get()
        pruned = newest is not None and manifest.version <= newest.version - KEPT_VERSIONS
        if payload is None and self._spec.clock == "arrival" and not pruned and not self._given_up:
            log.warning("waiting for the trainer to learn a lost snapshot again", payload=name)
            with suppress(TimeoutError), self._waiting():
                async with asyncio.timeout(self._wait):
                    while payload is None:
                        await asyncio.sleep(0.5)
                        payload = await get()
            self._given_up = payload is None
        return payload

    def _waiting(self) -> AbstractContextManager[Any]:
        return self._metrics.waiting.labels("trainer").track_inprogress()

    @property
    def newest(self) -> Manifest | None:
        """The announcement of the newest epoch that was closed."""
        return self._newest_of(self._spec.model.name)

    def _newest_of(self, name: str) -> Manifest | None:
        return max(self.announced(name).values(), key=lambda m: m.epoch, default=None)


@asynccontextmanager
async def listening(
    registry: ModelRegistry, topic: str, connections: Connections
) -> AsyncIterator[ModelRegistry]:
    """Read the models topic up to its present end, then go on in the background."""
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", **connections.aiokafka()
    )
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            await _read(registry, consumer)
        task = asyncio.create_task(_follow(registry, consumer))
        try:
            yield registry
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    finally:
        await consumer.stop()


async def _follow(registry: ModelRegistry, consumer: AIOKafkaConsumer) -> None:
    while True:
        try:
            await _read(registry, consumer)
        except (OSError, KafkaError) as error:
            log.warning("models topic cannot be read, trying again", error=repr(error))
            await asyncio.sleep(1)


async def _read(registry: ModelRegistry, consumer: AIOKafkaConsumer) -> None:
    for records in (await consumer.getmany(timeout_ms=500)).values():
        for record in records:
            try:
                await registry.hear(decode_manifest(record.value))
            except CodecError as error:
                log.warning("unreadable announcement", offset=record.offset, error=str(error))
