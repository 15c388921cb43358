"""The trainer at work: examples in, epochs learned, snapshots published, fenced.

Order of effects for an epoch: 1. all models learn it; then for each model, the first one last:
2. put the payload into the snapshot store; 3. check the fence; 4. send the figures; 5. announce the
snapshot, each with its acknowledgement. 6. The position becomes committable. The first model's
announcement closes the epoch and says who scores. A crash anywhere in between repeats the epoch
from the position inside the last announced snapshots, and the repeat is bit-identical.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis

from models.engine.records import Record
from models.engine.requests import Output
from models.learning.contest import Contest
from models.learning.reign import KEPT_VERSIONS
from models.learning.relearning import asked_for
from models.learning.signing import sign
from models.learning.trainer import EpochResult
from schemas.codec import CodecError, decode_example, encode
from schemas.examples import ModelRequest
from schemas.snapshots import Manifest
from schemas.times import format_time
from streams.config import Config
from streams.outputs import Outputs
from streams.patience import REDIS_AWAY, patiently
from streams.snapshots.registry import ModelRegistry
from streams.snapshots.store import SnapshotStore
from streams.state.fence import Fence
from streams.state.keys import trainer_fence
from streams.supervision import Fatal, StartAnew, Supervisor
from streams.telemetry.metrics import Metrics
from streams.training.epochs import Epochs
from streams.training.resuming import restored_before, resume
from streams.training.telling import figures, tell_of_reign
from streams.transport.batches import Place, Standing
from streams.transport.past import PastRecords

LOOK_SECONDS = 5.0
NO_REQUESTS = 2**62
"""An offset behind every request: those of the past are not carried out again."""

log = structlog.get_logger(__name__)


class TrainHub:
    """The one trainer of an app; answers the transport for the examples topic's partition 0."""

    def __init__(
        self,
        config: Config,
        redis: Redis,
        store: SnapshotStore,
        models: ModelRegistry,
        key: bytes,
        metrics: Metrics,
        supervisor: Supervisor,
        past: PastRecords,
    ) -> None:
        self._config = config
        self._redis = redis
        self._store = store
        self._models = models
        self._key = key
        self._metrics = metrics
        self._supervisor = supervisor
        self._past = past
        self._first_kept = 0
        self._place = (config.topics.examples, 0)
        self._waiting: list[Record] = []
        self._news = asyncio.Event()
        self._expected = 0
        self._gap = (-1, -1)
        self._durable = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    # --- what the transport asks ---------------------------------------------------------------

    def wants(self, topic: str, partition: int) -> bool:  # noqa: ARG002  # there is only one
        """Whether there is room for more records."""
        return len(self._waiting) < 4 * self._config.worker.max_batch

    def durable(self) -> Mapping[tuple[str, int], int]:
        """The offset from which a restart would read."""
        return {self._place: self._durable} if self._durable else {}

    def resume_at(self, committed: Mapping[tuple[str, int], int]) -> Mapping[tuple[str, int], int]:
        """The position inside the last snapshot, never the group's commit."""
        return {self._place: self._expected} if self._place in committed else {}

    def standing(self) -> Mapping[Place, Standing]:
        """How far the examples have come; learning them may take its time."""
        if self._task is None:
            return {}
        return {self._place: Standing(self._expected, self._expected, self.wants(*self._place))}

    def push(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:  # noqa: ARG002
        """Take in fetched records; an answer is the offset to read from instead (a gap)."""
        fresh = [record for record in records if record.offset >= self._expected]
        if not fresh:
            return None
        gap = (self._expected, fresh[0].offset)
        if gap[1] > gap[0] and self._gap != gap:
            self._gap = gap
            return gap[0]
        self._expected = fresh[-1].offset + 1
        self._waiting.extend(fresh)
        self._news.set()
        return None

    # --- assignment ----------------------------------------------------------------------------

    async def claim(self, outputs: Outputs, first_kept: int) -> None:
        """Become the only trainer, and go on where the last snapshot says.

        first_kept: offset of the first example that the topic still holds.
        """
        await self.release()
        self._first_kept = first_kept
        spec = self._config.spec
        fence = await self._patiently(lambda: Fence.claim(self._redis, trainer_fence(spec.app)))
        contest, _ = await resume(
            spec, self._models, self._store, self._key, first_kept, self._metrics
        )
        self._expected = self._durable = max(contest.position, first_kept)
        self._waiting.clear()
        epochs = Epochs(spec.learning.every, contest.learned_by_all, contest.reign.requests)
        self._stopping = False
        self._task = asyncio.create_task(self._guarded(contest, epochs, outputs, fence))

    async def release(self) -> None:
        """Finish the epoch at hand and stop."""
        self._stopping = True
        self._news.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _guarded(
        self, contest: Contest, epochs: Epochs, outputs: Outputs, fence: Fence
    ) -> None:
        try:
            await self._run(contest, epochs, outputs, fence)
        except StartAnew as error:
            log.warning("the trainer must begin anew", cause=str(error))
            self._supervisor.fail(error)
        except Exception as error:
            log.exception("the trainer cannot go on")
            self._supervisor.fail(error)

    # --- learning ------------------------------------------------------------------------------

    async def _run(self, contest: Contest, epochs: Epochs, outputs: Outputs, fence: Fence) -> None:
        while not self._stopping:
            self._news.clear()
            self._take_in(epochs)
            epoch = epochs.complete()
            if epoch is None:
                await self._wait_for_news(fence)
                continue
            examples, requests, position = epochs.take(epoch)
            reign = contest.reign
            await self._go_back(contest, epoch, requests)
            result = await asyncio.to_thread(  # 1
                contest.learn_epoch, epoch, examples, position, requests
            )
            for request, refusal in result.refused:
                log.warning("a request about models is refused", id=request.id, cause=refusal)
            for one in result.results:
                await self._publish(one, outputs, fence)
            tell_of_reign(self._config.spec, reign, contest.reign)
            self._durable = position  # 6

    async def _go_back(
        self, contest: Contest, epoch: int, requests: Sequence[tuple[int, ModelRequest]]
    ) -> None:
        """Have all models learn again up to this epoch, where a request asks for it."""
        asked = [request for _, request in requests if request.before is not None]
        again = asked_for(asked, epoch)
        if again is None:
            return
        spec, kept = self._config.spec, self._first_kept
        try:
            restored = await restored_before(
                spec,
                self._models,
                self._store,
                self._key,
                kept,
                self._metrics,
                (*contest.reign.relearned, again),
            )
        except Fatal as error:
            for request in asked:
                contest.refuse(request.id, str(error))
            return
        log.info("learning again", after=format_time(again.after), left_out=again.left_out)
        contest.go_back(restored, again)
        await self._learn_again(contest, epoch)

    async def _learn_again(self, contest: Contest, until: int) -> None:
        """The epochs before ``until`` that models lack now, read from the topic once more."""
        every = self._config.spec.learning.every
        books = Epochs(every, contest.learned_by_all, NO_REQUESTS)
        after = max(contest.position, self._first_kept) - 1
        while True:
            while (epoch := books.complete()) is not None and epoch < until:
                examples, _, position = books.take(epoch)
                await asyncio.to_thread(contest.learn_again, epoch, examples, position)
            kept = await self._past.read(*self._place, after, self._expected - 1)
            if epoch is not None or not kept.records:
                return
            after = kept.records[-1].offset
            self._note(books, kept.records)

    async def _wait_for_news(self, fence: Fence) -> None:
        """Also an idle trainer looks whether it is still the trainer."""
        try:
            await asyncio.wait_for(self._news.wait(), LOOK_SECONDS)
        except TimeoutError:
            await self._patiently(fence.check)

    def _take_in(self, epochs: Epochs) -> None:
        records, self._waiting = self._waiting, []
        self._note(epochs, records)

    def _note(self, epochs: Epochs, records: Sequence[Record]) -> None:
        for record in records:
            try:
                found = decode_example(record.value)
            except CodecError as error:
                log.warning("unreadable example", offset=record.offset, error=str(error))
                continue
            if found.app == self._config.spec.app:
                epochs.add(record.offset, found)

    async def _publish(self, result: EpochResult, outputs: Outputs, fence: Fence) -> None:
        manifest = result.manifest
        if result.payload is not None:
            await self._put(manifest, result.payload)  # 2
        await self._patiently(fence.advance)  # 3
        await outputs.send([figures(manifest, result.metrics)])  # 4
        manifest = sign(manifest, self._key)
        self._compare(manifest)
        key = f"{manifest.name}/{manifest.epoch}".encode()
        await outputs.send([Output("models", key, encode(manifest))])  # 5
        await self._models.hear(manifest)
        await self._tidy(manifest)
        if manifest.reign is not None:
            self._metrics.epochs.inc()
        self._metrics.learned.inc(result.metrics.learned)
        log.info(
            "epoch learned",
            model=manifest.name,
            epoch=format_time(manifest.epoch),
            version=manifest.version,
            learned=result.metrics.learned,
            auc=result.metrics.auc,
        )

    def _compare(self, manifest: Manifest) -> None:
        """An epoch that is learned again must come out the same."""
        known = self._models.announced(manifest.name).get(manifest.epoch)
        if known is not None and known.checksum != manifest.checksum:
            log.error(
                "an epoch learned again gives another model than announced: were examples "
                "deleted from the topic, or was it learned on another machine or library?",
                epoch=format_time(manifest.epoch),
            )

    async def _put(self, manifest: Manifest, payload: bytes) -> None:
        name = manifest.payload
        assert name is not None
        await patiently(
            lambda: self._store.put(name, payload), REDIS_AWAY, "snapshot store", self._metrics
        )

    async def _tidy(self, newest: Manifest) -> None:
        """Forget payloads that no scorer can still ask for; what was ever pinned is kept."""
        pinned = {
            (m.reign.name, m.reign.version)
            for m in self._models.manifests.values()
            if m.reign is not None and m.reign.pinned
        }
        for old in list(self._models.announced(newest.name).values()):
            expired = old.version == newest.version - KEPT_VERSIONS
            if expired and old.changed and old.payload and (old.name, old.version) not in pinned:
                await self._patiently(partial(self._store.drop, old.payload))

    async def _patiently(self, operation: Callable[[], Awaitable[Any]]) -> Any:
        return await patiently(operation, REDIS_AWAY, "redis", self._metrics)
