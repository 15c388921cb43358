"""A worker process: starts its roles, serves health and metrics, ends in order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import structlog
from faust.contrib.asgi import bind_to_running_loop
from redis.asyncio import Redis

from streams.app import rekey_app, score_app, subscriptions, train_app
from streams.config import Config
from streams.connections import Connections
from streams.rekey.hub import RekeyHub
from streams.rekey.progress import CopyProgress, following
from streams.rekey.sender import CopySender, producing
from streams.scoring.hub import ScoreHub
from streams.snapshots.registry import ModelRegistry, listening
from streams.snapshots.store import open_store
from streams.sources.overseer import Overseer, overseeing
from streams.supervision import Crashed, StartAnew, Supervisor, start_anew
from streams.telemetry.metrics import Metrics
from streams.telemetry.web import serve
from streams.topics import preflight
from streams.topics.identity import TopicIdentities
from streams.transport import tolerance
from streams.transport.batches import BatchApp
from streams.transport.log_ends import LogEnds, asking
from streams.transport.past import reading_again
from streams.watchdog import Watchdog, awake, watching

log = structlog.get_logger(__name__)

STOP_SECONDS = 15
"""How long leaving the group may take. What matters (outputs, state) is done before; aiokafka can
hang here for ever when the group is rebalancing at the same moment."""


COLLECT_AFTER = (50_000, 20, 50)
"""Python's cycle collector looks through all young objects after 700 allocations; a fetched batch
is tens of thousands of them, none in a cycle. With these thresholds a quarter of the CPU time
outside the engine is saved (docs/decisions/008); what is in cycles lives a little longer."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides. See ``ebbline worker --help``."""

    roles: Sequence[str]
    rebuild: bool = False
    web_port: int | None = None


def run(config: Config, connections: Connections, options: Options) -> int:
    """Run until SIGTERM or SIGINT (exit code 0) or a failure that ends the process (1)."""
    tolerance.install()
    check_outside(config, connections, options.roles)
    return asyncio.run(_run(config, connections, options))


def check_outside(config: Config, connections: Connections, roles: Sequence[str]) -> None:
    """Preflight: log what is not as it should be; raise PreflightError if it is no good."""
    problems = preflight.check(config, connections, subscriptions(roles, config))
    for problem in problems:
        level = {"error": log.error, "warning": log.warning}.get(problem.severity, log.info)
        level(problem.message, subject=problem.subject, remedy=problem.remedy)
    preflight.require(problems)


async def _run(config: Config, connections: Connections, options: Options) -> int:
    supervisor = Supervisor()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    async with working(config, connections, options, supervisor):
        gc.freeze()  # modules and clients are here to stay
        gc.set_threshold(*COLLECT_AFTER)
        await supervisor.ended()
        log.info("stopping")
    if isinstance(supervisor.error, StartAnew):
        log.warning("starting anew", cause=str(supervisor.error))
        if await supervisor.may_start_anew(partial(_services_answer, config, connections, options)):
            start_anew()
    if supervisor.error is not None:
        log.error("ended by a failure", error=str(supervisor.error))
        _leave(1)
    if supervisor.stuck:
        log.warning("the consumer group did not let go in time; leaving without its answer")
        _leave(0)
    return 0


async def _services_answer(config: Config, connections: Connections, options: Options) -> bool:
    """Whether a fresh process would find its services."""
    wanted = subscriptions(options.roles, config)
    problems = await asyncio.to_thread(preflight.check, config, connections, wanted)
    away = [p for p in problems if p.severity == "error" and p.subject in preflight.SERVICES]
    for problem in away:
        log.warning("waiting for a service", service=problem.subject, error=problem.message)
    return not away


def _leave(code: int) -> NoReturn:
    """End the process now: after a failure threads and tasks may be left that never end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@asynccontextmanager
async def working(
    config: Config, connections: Connections, options: Options, supervisor: Supervisor
) -> AsyncIterator[Metrics]:
    """The roles at work; on leaving, batches at hand are finished and offsets committed."""
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(
            Redis.from_url(connections.redis_url, socket_timeout=30, socket_keepalive=True)
        )
        store = open_store(config.snapshot_store, redis, config.spec.app)
        key = connections.require_signing_key()
        wait = config.model_wait / 1e6
        registry = ModelRegistry(config.spec, store, key, wait, metrics)
        await stack.enter_async_context(listening(registry, config.topics.models, connections))
        ends = await stack.enter_async_context(asking(connections, metrics))
        past = await stack.enter_async_context(reading_again(connections, metrics))
        identities = TopicIdentities(connections, config.input_topics, metrics)
        apps: list[BatchApp] = []
        if "rekey" in options.roles and config.rekeyed:
            producer = await stack.enter_async_context(producing(connections))
            for source in config.rekeyed:
                sender = CopySender(producer, source.input_topic, metrics)
                copier = RekeyHub(config, source, sender, metrics, supervisor)
                stack.push_async_callback(copier.release)
                apps.append(rekey_app(config, connections, copier, ends, supervisor))
        if "score" in options.roles:
            hub = ScoreHub(
                config,
                redis,
                registry,
                metrics,
                supervisor,
                identities,
                past,
                rebuild=options.rebuild,
            )
            stack.push_async_callback(hub.release)
            copying = await stack.enter_async_context(
                _following(config, connections, ends, metrics)
            )
            apps.append(score_app(config, connections, hub, ends, copying, metrics, supervisor))
            overseer = Overseer(config, hub, registry, metrics)
            await stack.enter_async_context(
                overseeing(overseer, config.topics.sources, connections)
            )
        if "train" in options.roles:
            # Imports what learns, which takes two seconds that a scoring worker can spare itself.
            from streams.training.hub import TrainHub

            trainer = TrainHub(config, redis, store, registry, key, metrics, supervisor, past)
            stack.push_async_callback(trainer.release)
            apps.append(train_app(config, connections, trainer, ends, metrics, supervisor))
        host, port = config.web
        web = serve(
            host,
            port if options.web_port is None else options.web_port,
            metrics,
            alive=lambda: str(supervisor.error) if supervisor.error else None,
            ready=lambda: _not_ready(apps),
        )
        port = await stack.enter_async_context(web)
        look = config.worker.session_timeout / 1e6 / 2
        await stack.enter_async_context(awake(look))
        for app in apps:
            await stack.enter_async_context(_running(app, supervisor))
            topics = identities if isinstance(app.hub, ScoreHub) else None
            dog = Watchdog(app, ends, redis, metrics, topics, look)
            await stack.enter_async_context(watching(dog.watch, supervisor.fail))
        log.info("working", roles=list(options.roles), web=f"http://{host}:{port}")
        yield metrics


def _following(
    config: Config, connections: Connections, ends: LogEnds, metrics: Metrics
) -> AbstractAsyncContextManager[CopyProgress]:
    """Live scoring waits for copies as long as copying moves on, a replay always."""
    live = config.spec.clock == "live"
    patience = config.worker.session_timeout / 1e6 if live else None
    return following(connections, ends, config.spec.app, patience, metrics)


@asynccontextmanager
async def _running(app: BatchApp, supervisor: Supervisor) -> AsyncIterator[None]:
    bind_to_running_loop(app)
    app.finalize()
    await app.start()
    watch = asyncio.create_task(_watch(app, supervisor))
    try:
        yield
    finally:
        watch.cancel()
        _tell_of_crash(app, supervisor)
        await app.hub.release()
        stop = asyncio.create_task(app.stop())
        _, unfinished = await asyncio.wait([stop], timeout=STOP_SECONDS)
        supervisor.stuck |= bool(unfinished)


async def _watch(app: BatchApp, supervisor: Supervisor) -> None:
    """A crashed Faust service (a commit of offsets that failed, say) does not recover by itself."""
    while not app.crashed:  # noqa: ASYNC110  # Faust has no event for it
        await asyncio.sleep(0.5)
    _tell_of_crash(app, supervisor)


def _tell_of_crash(app: BatchApp, supervisor: Supervisor) -> None:
    if app.crashed:
        supervisor.fail(Crashed(f"Faust crashed: {app.crash_reason!r}"))


def _not_ready(apps: Sequence[BatchApp]) -> str | None:
    for app in apps:
        if not app.started or app.rebalancing or not app.reading:
            return f"{app.conf.id}: not in the group yet"
        if not app.consumer.assignment() and not isinstance(app.hub, RekeyHub):
            return f"{app.conf.id}: no partitions assigned"
    return None
