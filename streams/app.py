"""The composition root: which Faust apps there are, and what each is made of.

::

    events.<source> … ─► [score] BatchApp ─► agent ─► ScoreHub ─► Partition (one for each number)
                                                      merge ─► Engine ─► outputs, Redis, offsets
    a source's topic  ─► [rekey] BatchApp ─► agent ─► RekeyHub ─► <app>.rekey.<source> (is scored)
    churn.examples    ─► [train] BatchApp ─► agent ─► TrainHub ─► Trainer ─► churn.models

One Faust app for each role (rekey: for each source), each with a consumer group of its own (Faust
co-partitions topics of identical subscribers only). ONE agent consumes an app's topics. It only
hands batches to the hub; the hub's partitions do the work, so nothing can escape the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import faust

from models.spec import SourceSpec, Spec
from streams.config import Config
from streams.connections import Connections
from streams.outputs import Outputs
from streams.patience import KAFKA_AWAY, patiently
from streams.rekey.assignor import SoleAssignor
from streams.rekey.hub import RekeyHub
from streams.rekey.names import group_of as copying_group
from streams.rekey.progress import CopyProgress
from streams.scoring.hub import ScoreHub
from streams.scoring.inflow import AskLogEnds, LogEnd
from streams.supervision import Supervisor
from streams.telemetry.metrics import Metrics
from streams.transport.batches import BatchApp
from streams.transport.log_ends import LogEnds

if TYPE_CHECKING:
    from streams.training.hub import TrainHub

ROLES = ("score", "train", "rekey")
COPY_COMMIT_SECONDS = 0.25
"""Scoring partitions with nothing to read wait until they see that everything has been copied."""

NO_END = 2**62
"""Where a log is said to end that is still to grow."""

AnyHub: TypeAlias = "ScoreHub | TrainHub | RekeyHub"


def group_of(role: str, spec: Spec) -> str:
    """Consumer group of a role."""
    return spec.app if role == "score" else f"{spec.app}.train"


def subscriptions(roles: Iterable[str], config: Config) -> dict[str, tuple[str, ...]]:
    """Consumer group to the topics it reads, for the roles."""
    found: dict[str, tuple[str, ...]] = {}
    for role in roles:
        if role == "rekey":
            app = config.spec.app
            found |= {copying_group(app, source): (source.topic,) for source in config.rekeyed}
        else:
            read = config.input_topics if role == "score" else (config.topics.examples,)
            found[group_of(role, config.spec)] = read
    return found


def default_roles(config: Config) -> tuple[str, ...]:
    """All roles that the configuration has work for."""
    return ROLES if config.rekeyed else ROLES[:2]


def score_app(
    config: Config,
    connections: Connections,
    hub: ScoreHub,
    ends: LogEnds,
    copying: CopyProgress,
    metrics: Metrics,
    supervisor: Supervisor,
) -> BatchApp:
    """The role ``score``: all input topics, one agent. ends: answers where logs end."""
    app = _app(group_of("score", config.spec), config, connections, hub)
    copied = {source.input_topic: source for source in config.rekeyed}

    async def claim() -> None:
        numbers = {tp.partition for tp in app.consumer.assignment()}
        partitions = app.partitions_of(config.input_topics[0])
        outputs = Outputs(app.batch_producer, config.topics, metrics)
        starts = await ends.starts([(t, n) for t in config.input_topics for n in numbers])
        ask = _behind_copies(_log_ends(app, ends), copied, copying, metrics)
        await hub.claim(numbers, partitions, outputs, ask, starts)

    _connect(app, config.input_topics, hub, claim, supervisor)
    return app


def train_app(
    config: Config,
    connections: Connections,
    hub: TrainHub,
    ends: LogEnds,
    metrics: Metrics,
    supervisor: Supervisor,
) -> BatchApp:
    """The role ``train``: the examples topic."""
    app = _app(group_of("train", config.spec), config, connections, hub)

    async def claim() -> None:
        if app.consumer.assignment():
            place = (config.topics.examples, 0)
            starts = await ends.starts([place])
            await hub.claim(Outputs(app.batch_producer, config.topics, metrics), starts[place])

    _connect(app, (config.topics.examples,), hub, claim, supervisor)
    return app


def rekey_app(
    config: Config,
    connections: Connections,
    hub: RekeyHub,
    ends: LogEnds,
    supervisor: Supervisor,
) -> BatchApp:
    """The role ``rekey`` for one source: all partitions of its topic, in one process."""
    topic = hub.source.topic
    group = copying_group(config.spec.app, hub.source)
    app = _app(
        group,
        config,
        connections,
        hub,
        PartitionAssignor=SoleAssignor,
        broker_commit_interval=COPY_COMMIT_SECONDS,
    )

    async def claim() -> None:
        assigned = app.consumer.assignment()
        if assigned:
            await hub.claim(len(assigned), _log_ends(app, ends))
        else:
            await hub.release()

    _connect(app, (topic,), hub, claim, supervisor)
    return app


def _app(
    group: str, config: Config, connections: Connections, hub: AnyHub, **settings: Any
) -> BatchApp:
    """A Faust app that is only what we use of it: group membership, fetching, producing."""
    session = config.worker.session_timeout / 1e6
    app = BatchApp(
        group,
        broker=connections.faust_broker(),
        broker_credentials=connections.faust_credentials(),
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 15,
        broker_request_timeout=max(90.0, 2 * session),
        broker_max_poll_records=10_000,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * 1024 * 1024,
        stream_buffer_maxsize=8,
        producer_max_batch_size=512 * 1024,
        producer_request_timeout=60.0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        store="memory://",
        env_prefix="EBBLINE_FAUST_",
        autodiscover=False,
        **{"broker_commit_interval": 1.0, **settings},
    )
    app.hub = hub
    return app


def _connect(
    app: BatchApp,
    topics: Sequence[str],
    hub: AnyHub,
    claim: Callable[[], Coroutine[Any, Any, None]],
    supervisor: Supervisor,
) -> None:
    """Declare the one agent, and hang the hub's claims on the group's rebalances."""
    inputs = app.topic(*topics, key_serializer="raw", value_serializer="raw", allow_empty=True)

    async def receive(stream: faust.StreamT[Any]) -> None:
        async for event in stream.events():
            tp = event.message.tp
            read_from = hub.push(tp.topic, tp.partition, event.value)
            if read_from is not None:
                await app.consumer.seek_wait({tp: read_from})
            app.batch_consumer.accepted[tp.topic, tp.partition] = event.message.offset + 1

    app.agent(inputs, name=f"{app.conf.id}.receive", concurrency=1)(receive)

    claiming: asyncio.Task[None] | None = None

    async def revoked(*_: Any, **__: Any) -> None:
        if claiming is not None:  # the next rebalance has overtaken it
            claiming.cancel()
            await asyncio.wait([claiming])
        await hub.release()

    async def complete(*_: Any, **__: Any) -> None:
        nonlocal claiming
        claiming = task = asyncio.create_task(claim())
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if error is not None:  # Faust would swallow it; this ends the process
            supervisor.fail(error)

    app.on_partitions_revoked.connect(revoked, weak=False)
    app.on_rebalance_complete.connect(complete, weak=False)


def _log_ends(app: BatchApp, ends: LogEnds) -> AskLogEnds:
    """Asks the broker where topic partitions end, and the client how far it has read."""

    async def ask(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], LogEnd]:
        found = await ends.of(places)
        return {place: LogEnd(end, app.read_up_to(*place)) for place, end in found.items()}

    return ask


def _behind_copies(
    ask: AskLogEnds, copied: Mapping[str, SourceSpec], copying: CopyProgress, metrics: Metrics
) -> AskLogEnds:
    """As ``ask``, but a topic of copies has no end in sight while there is more to be copied."""

    async def complete(source: SourceSpec) -> bool:
        ask = partial(copying.complete, source)
        return await patiently(ask, KAFKA_AWAY, "kafka", metrics)

    async def ask_both(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], LogEnd]:
        topics = {topic for topic, _ in places if topic in copied}
        behind = {topic for topic in topics if not await complete(copied[topic])}
        found = await ask(places)
        return {
            place: LogEnd(NO_END, end.read) if place[0] in behind else end
            for place, end in found.items()
        }

    return ask_both
