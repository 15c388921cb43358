"""The composition root: which Faust apps there are, and what each is made of.

::

    events.<source> … ─► [score] BatchApp ─► agent ─► ScoreHub ─► Partition (one for each number)
                                                      merge ─► Engine ─► outputs, Redis, offsets
    churn.examples    ─► [train] BatchApp ─► agent ─► TrainHub ─► Trainer ─► churn.models

One Faust app for each role, each with a consumer group of its own (Faust co-partitions topics of
identical subscribers only). ONE agent consumes all input topics. It only hands batches to the
hub; the hub's partitions do the work, so nothing can escape the agent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import faust
from faust.types import TP

from models.spec import Spec
from streams.config import Config
from streams.connections import Connections
from streams.outputs import Outputs
from streams.scoring.hub import ScoreHub
from streams.scoring.partition import AskLogEnds, LogEnd
from streams.supervision import Supervisor
from streams.telemetry.metrics import Metrics
from streams.training.hub import TrainHub
from streams.transport.batches import BatchApp
from streams.transport.log_ends import LogEnds

ROLES = ("score", "train")


def group_of(role: str, spec: Spec) -> str:
    """Consumer group of a role."""
    return spec.app if role == "score" else f"{spec.app}.train"


def subscriptions(roles: Iterable[str], config: Config) -> dict[str, tuple[str, ...]]:
    """Consumer group to the topics it reads, for the roles."""
    topics = {"score": config.input_topics, "train": (config.topics.examples,)}
    return {group_of(role, config.spec): topics[role] for role in roles}


def score_app(
    config: Config,
    connections: Connections,
    hub: ScoreHub,
    ends: LogEnds,
    metrics: Metrics,
    supervisor: Supervisor,
) -> BatchApp:
    """The role ``score``: all input topics, one agent. ends: answers where logs end."""
    app = _app("score", config, connections, hub)

    async def claim() -> None:
        numbers = {tp.partition for tp in app.consumer.assignment()}
        partitions = app.partitions_of(config.input_topics[0])
        outputs = Outputs(app.producer, config.topics, metrics)
        starts = await ends.starts([(t, n) for t in config.input_topics for n in numbers])
        await hub.claim(numbers, partitions, outputs, _log_ends(app, ends), starts)

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
    app = _app("train", config, connections, hub)

    async def claim() -> None:
        if app.consumer.assignment():
            place = (config.topics.examples, 0)
            starts = await ends.starts([place])
            await hub.claim(Outputs(app.producer, config.topics, metrics), starts[place])

    _connect(app, (config.topics.examples,), hub, claim, supervisor)
    return app


def _app(role: str, config: Config, connections: Connections, hub: ScoreHub | TrainHub) -> BatchApp:
    """A Faust app that is only what we use of it: group membership, fetching, producing."""
    session = config.worker.session_timeout / 1e6
    app = BatchApp(
        group_of(role, config.spec),
        broker=connections.faust_broker(),
        broker_credentials=connections.faust_credentials(),
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 15,
        broker_request_timeout=max(90.0, 2 * session),
        broker_max_poll_records=2000,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * 1024 * 1024,
        stream_buffer_maxsize=8,
        producer_linger=0.005,
        producer_max_batch_size=512 * 1024,
        producer_request_timeout=60.0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        store="memory://",
        env_prefix="EBBLINE_FAUST_",
        autodiscover=False,
    )
    app.hub = hub
    return app


def _connect(
    app: BatchApp,
    topics: Sequence[str],
    hub: ScoreHub | TrainHub,
    claim: Callable[[], Awaitable[None]],
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

    app.agent(inputs, name=f"{app.conf.id}.receive", concurrency=1)(receive)

    async def revoked(*_: Any, **__: Any) -> None:
        await hub.release()

    async def complete(*_: Any, **__: Any) -> None:
        try:
            await claim()
        except Exception as error:  # noqa: BLE001  # Faust would swallow it; this ends the process
            supervisor.fail(error)

    app.on_partitions_revoked.connect(revoked, weak=False)
    app.on_rebalance_complete.connect(complete, weak=False)


def _log_ends(app: BatchApp, ends: LogEnds) -> AskLogEnds:
    """Asks the broker where topic partitions end, and the client how far it has read."""

    async def ask(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], LogEnd]:
        found = {}
        for place, end in (await ends.of(places)).items():
            read = await app.consumer.position(TP(*place))
            found[place] = LogEnd(end, read or 0)
        return found

    return ask
