"""Waiting for a service that is away, without losing anything and without hammering it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TypeVar

import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import FaustError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

REDIS_AWAY = (
    RedisConnectionError,  # includes BusyLoadingError
    RedisTimeoutError,
    OutOfMemoryError,
    ReadOnlyError,
    OSError,
)
"""Errors that pass by themselves or by an operator's hand: wait and try the same again."""

_UNFIT = re.compile(
    r"^(MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN) |^Error running script.* -(OOM|MISCONF|"
    r"READONLY|NOREPLICAS|MASTERDOWN) "
)
"""Redis' answers that have no exception of their own and pass likewise: its disk is full, replicas
are missing, a cluster is being put right; before Redis 7 also whatever it says to a script."""

KAFKA_AWAY = (KafkaError, FaustError, OSError)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


async def patiently(
    operation: Callable[[], Awaitable[Result]],
    passing: tuple[type[Exception], ...],
    service: str,
    metrics: Metrics,
) -> Result:
    """Run an idempotent operation until it succeeds; other errors than ``passing`` get out."""
    pause = FIRST_PAUSE
    expected: tuple[type[Exception], ...] = (*passing, ResponseError)
    with ExitStack() as away:
        while True:
            try:
                return await operation()
            except expected as error:
                if not isinstance(error, passing) and not _UNFIT.search(str(error)):
                    raise
                if pause == FIRST_PAUSE:
                    away.enter_context(metrics.waiting.labels(service).track_inprogress())
                metrics.retries.labels(service).inc()
                said = f"{type(error).__name__}: {error}"  # redis-py's repr hides the message
                log.warning("waiting for a service", service=service, error=said, pause_s=pause)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
