"""All partitions of one scoring process: claimed and released with the group's assignment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog
from redis.asyncio import Redis

from models.engine.engine import Engine
from models.engine.records import Record
from models.features.plan import make_plan
from streams.config import Config
from streams.outputs import Outputs
from streams.patience import REDIS_AWAY, patiently
from streams.scoring.claiming import Inspector
from streams.scoring.fitting import adopt
from streams.scoring.inflow import AskLogEnds, room_for
from streams.scoring.partition import Partition
from streams.snapshots.registry import ModelRegistry
from streams.state.keys import Keys
from streams.state.store import PartitionStore
from streams.supervision import Fatal, StartAnew, Supervisor
from streams.telemetry.metrics import Metrics
from streams.topics.identity import TopicIdentities
from streams.transport.batches import Place, Standing
from streams.transport.past import PastRecords

log = structlog.get_logger(__name__)


class ScoreHub:
    """Claims partitions, routes fetched records to them, answers for what is durable.

    rebuild: compute a partition's state again from the beginning of its topics where none is
    found, or one that does not fit them. identities: tells which topics these are.
    """

    def __init__(
        self,
        config: Config,
        redis: Redis,
        models: ModelRegistry,
        metrics: Metrics,
        supervisor: Supervisor,
        identities: TopicIdentities,
        past: PastRecords,
        *,
        rebuild: bool = False,
    ) -> None:
        self._config = config
        self._redis = redis
        self._models = models
        self._metrics = metrics
        self._supervisor = supervisor
        self._identities = identities
        self._past = past
        self._inspector = Inspector(config.spec, metrics, rebuild=rebuild)
        self._rebuild = rebuild
        self._plan = make_plan(config.spec)
        self._source = {s.input_topic: i for i, s in enumerate(config.spec.sources)}
        self._partitions: dict[int, Partition] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._durable: dict[Place, int] = {}
        self._starts: Mapping[Place, int] = {}
        self._unborn: set[int] = set()

    # --- what the transport asks ---------------------------------------------------------------

    def wants(self, topic: str, partition: int) -> bool:
        """Whether there is room for more records of a topic partition."""
        claimed = self._partitions.get(partition)
        return claimed is not None and claimed.wants(self._source[topic], self._room)

    @property
    def _room(self) -> int:
        return room_for(self._config.worker.max_batch, len(self._partitions))

    def durable(self) -> Mapping[Place, int]:
        """For each claimed topic partition the offset up to which effects are durable, + 1."""
        for number, partition in self._partitions.items():
            self._durable |= dict(zip(self._places(number), partition.durable, strict=True))
        return {place: offset for place, offset in self._durable.items() if offset > 0}

    def resume_at(self, committed: Mapping[Place, int]) -> Mapping[Place, int]:
        """Where to read on: behind what is applied or buffered, not where the group committed."""
        target = {}
        for number, partition in self._partitions.items():
            for place, expected, durable in zip(
                self._places(number), partition.expected, partition.durable, strict=True
            ):
                commit = committed.get(place, 0)
                if durable < commit and number in self._unborn:
                    self._no_state(place, commit)
                elif durable < self._starts.get(place, 0):
                    self._records_gone(place, durable, commit)
                elif durable < commit:
                    self._metrics.healed.inc()
                    log.warning(
                        "Redis is behind the group's commit, it lost writes: reading again",
                        topic=place[0],
                        partition=number,
                        applied=durable,
                        committed=commit,
                    )
                if expected != commit:
                    target[place] = expected
        return target

    def _records_gone(self, place: Place, durable: int, commit: int) -> None:
        """Say that the log begins behind what is applied; an error where that had been read."""
        start = self._starts[place]
        if durable < commit:
            self._refuse(
                f"Redis is behind the group's commit in topic {place[0]} partition {place[1]} (at "
                f"offset {durable}, committed {commit}), but the topic begins at {start} now: what "
                "Redis lost cannot be read again. Restore a newer backup of Redis; or delete the "
                f"keys ebb:{{{self._config.spec.app}.p{place[1]}}}:* and start once with `ebbline "
                "worker --rebuild`, which computes the state from what the topic still holds"
            )
        log.error(
            "records were deleted before they were read: longer retention would have kept them",
            topic=place[0],
            partition=place[1],
            from_offset=durable,
            to_offset=start,
        )

    def _no_state(self, place: Place, commit: int) -> None:
        if self._rebuild:
            log.warning("rebuilding a partition from the beginning of its topics", place=place)
            return
        self._refuse(
            f"no state of feature set {self._config.spec.feature_set} for partition {place[1]}"
            f", but the group has committed offset {commit} of topic {place[0]}: the features "
            "were changed, or Redis was emptied. Start once with `ebbline worker --rebuild` to "
            "compute the state again from the topics, or use another app name"
        )

    def _refuse(self, message: str) -> None:
        """End the process before anything is read: so nothing is written."""
        for partition in self._partitions.values():
            partition.stop()
        self._supervisor.fail(Fatal(message))

    def standing(self) -> Mapping[Place, Standing]:
        """How far each claimed topic partition has come."""
        return {
            place: Standing(taken, done, partition.wants(source, self._room))
            for number, partition in self._partitions.items()
            for source, (place, taken, done) in enumerate(
                zip(self._places(number), partition.expected, partition.durable, strict=True)
            )
        }

    # --- records -------------------------------------------------------------------------------

    def push(self, topic: str, partition: int, records: Sequence[Record]) -> int | None:
        """Hand fetched records to their partition; see Partition.push."""
        claimed = self._partitions.get(partition)
        return None if claimed is None else claimed.push(self._source[topic], records)

    # --- assignment ----------------------------------------------------------------------------

    async def claim(
        self,
        numbers: Iterable[int],
        partitions: int,
        outputs: Outputs,
        log_ends: AskLogEnds,
        starts: Mapping[Place, int],
    ) -> None:
        """Take partitions over: fence others off, load their records. Nothing runs yet.

        partitions: how many there are of each input topic. starts: where the logs begin.
        """
        await self.release()
        self._durable.clear()
        self._unborn.clear()
        self._starts = starts
        for number in sorted(numbers):
            self._partitions[number] = await self._claim(number, partitions, outputs, log_ends)
        self._metrics.partitions.set(len(self._partitions))
        for number, partition in self._partitions.items():
            self._tasks[number] = asyncio.create_task(self._run(partition))

    async def _claim(
        self, number: int, partitions: int, outputs: Outputs, log_ends: AskLogEnds
    ) -> Partition:
        spec = self._config.spec
        keys = Keys(spec.app, number, spec.feature_set)
        store = await patiently(
            lambda: PartitionStore.claim(self._redis, keys), REDIS_AWAY, "redis", self._metrics
        )
        topics = await self._identities.now()
        ends = {place: log.end for place, log in (await log_ends(self._places(number))).items()}
        state = await self._inspector.usable(number, store, topics, ends)
        if state is None:
            self._unborn.add(number)
        engine = Engine(self._plan, number, partitions, state)
        adopt(spec, engine.state, topics)
        log.info("claimed", partition=number, known=state is not None)
        return Partition(
            self._config, engine, store, outputs, self._models, log_ends, self._past, self._metrics
        )

    async def release(self) -> None:
        """Finish the commits at hand and let go of all partitions."""
        for number, partition in self._partitions.items():
            partition.stop()
            if not partition.committing and number in self._tasks:  # else the claim broke off
                self._tasks[number].cancel()
        tasks = list(self._tasks.values())
        if tasks:
            grace = self._config.worker.session_timeout / 1e6 / 2
            _, unfinished = await asyncio.wait(tasks, timeout=grace)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.durable()
        self._partitions.clear()
        self._tasks.clear()
        self._metrics.partitions.set(0)
        self._metrics.forget_partitions()

    async def _run(self, partition: Partition) -> None:
        try:
            await partition.run()
        except asyncio.CancelledError:
            raise
        except StartAnew as error:
            log.warning(
                "a partition must be claimed anew", partition=partition.number, cause=str(error)
            )
            self._supervisor.fail(error)
        except Exception as error:
            log.exception("a partition cannot go on", partition=partition.number)
            self._supervisor.fail(error)

    def _places(self, number: int) -> list[Place]:
        return [(source.input_topic, number) for source in self._config.spec.sources]

    @property
    def claimed(self) -> Sequence[Partition]:
        """The partitions at work."""
        return list(self._partitions.values())
