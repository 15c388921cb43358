"""The one place that decides where Kafka and Redis come from.

Order, for each of the two: the address in the environment; a container, where a Docker engine
answers and has the image; a process on this machine. Whatever was started is stopped again at the
end; an address from the environment is only used, never started, stopped or emptied.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from streams.embedded.errors import ServiceUnavailable
from streams.embedded.kafka import LocalKafka
from streams.embedded.mock_kafka import MockKafka
from streams.embedded.redis import LocalRedis

KAFKA_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
REDIS_VARIABLE = "REDIS_URL"

Kind = Literal["environment", "container", "process", "mock"]
Prefer = Literal["real", "embedded"]


class ServiceHandle(Protocol):
    """A service that was started here, and that tests may crash. Data and address stay."""

    @property
    def running(self) -> bool:
        """Whether it is there."""

    def start(self) -> Self:
        """Start it, and return when it answers."""

    def stop(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """End it as a crash would."""

    def restart(self) -> Self:
        """Stop and start it."""

    def close(self) -> None:
        """End it and remove temporary data."""


@dataclass(frozen=True)
class Services:
    """Where the two services are, what they are, and a handle where they were started here."""

    bootstrap_servers: str
    redis_url: str
    kafka_kind: Kind
    redis_kind: Kind
    kafka: ServiceHandle | None = None
    redis: ServiceHandle | None = None
    mock: MockKafka | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The two addresses as variables, for a child process."""
        return {KAFKA_VARIABLE: self.bootstrap_servers, REDIS_VARIABLE: self.redis_url}


@dataclass(frozen=True)
class _Found:
    """One service: its address, and what has to be ended."""

    address: str
    kind: Kind
    handle: ServiceHandle | None = None
    mock: MockKafka | None = None


@contextmanager
def resolve_services(
    *, prefer: Prefer = "real", environ: Mapping[str, str] | None = None
) -> Iterator[Services]:
    """Find or start Kafka and Redis; end what was started when the block is left.

    Parameters
    ----------
    prefer
        `"real"`: environment, containers, local processes (tests, examples, benchmarks).
        `"embedded"`: environment, else librdkafka's in-memory broker and a local Redis process
        (the demo: needs neither Java nor an engine, and keeps nothing).
    environ
        The variables to look at; the process's own by default.

    Raises
    ------
    ServiceUnavailable
        If one of them can't be had. The message says for each way why not.
    """
    variables = os.environ if environ is None else environ
    with ExitStack() as cleanup:
        redis = _resolve("Redis", variables.get(REDIS_VARIABLE), _redis_ways(prefer), cleanup)
        kafka = _resolve("Kafka", variables.get(KAFKA_VARIABLE), _kafka_ways(prefer), cleanup)
        yield Services(
            bootstrap_servers=kafka.address,
            redis_url=redis.address,
            kafka_kind=kafka.kind,
            redis_kind=redis.kind,
            kafka=kafka.handle,
            redis=redis.handle,
            mock=kafka.mock,
        )


def _kafka_ways(prefer: Prefer) -> list[Callable[[], _Found]]:
    return [_mock_kafka] if prefer == "embedded" else [_kafka_container, _kafka_process]


def _redis_ways(prefer: Prefer) -> list[Callable[[], _Found]]:
    return [_redis_process] if prefer == "embedded" else [_redis_container, _redis_process]


def _resolve(
    name: str, given: str | None, ways: list[Callable[[], _Found]], cleanup: ExitStack
) -> _Found:
    """The first way that works, its ending put on `cleanup`."""
    if given:
        return _Found(given, "environment")
    reasons = []
    for way in ways:
        try:
            found = way()
        except ServiceUnavailable as error:
            reasons.append(str(error))
            continue
        ending = found.handle or found.mock
        if ending is not None:
            cleanup.callback(ending.close)
        return found
    raise ServiceUnavailable(f"No {name} here:\n" + "\n".join(f"- {r}" for r in reasons))


def _mock_kafka() -> _Found:
    mock = MockKafka()
    return _Found(mock.bootstrap_servers, "mock", mock=mock)


def _kafka_process() -> _Found:
    kafka = LocalKafka()
    _start(kafka)
    return _Found(kafka.bootstrap_servers, "process", kafka)


def _redis_process() -> _Found:
    redis = LocalRedis()
    _start(redis)
    return _Found(redis.url, "process", redis)


def _kafka_container() -> _Found:
    from streams.embedded import containers

    _require(containers.why_not(containers.KAFKA_IMAGE))
    address, handle = containers.kafka_container()
    _start(handle)
    return _Found(address, "container", handle)


def _redis_container() -> _Found:
    from streams.embedded import containers

    _require(containers.why_not(containers.REDIS_IMAGE))
    url, handle = containers.redis_container()
    _start(handle)
    return _Found(url, "container", handle)


def _require(reason: str | None) -> None:
    if reason is not None:
        raise ServiceUnavailable(reason)


def _start(handle: ServiceHandle) -> None:
    """Start it, or leave nothing behind."""
    try:
        handle.start()
    except BaseException:
        handle.close()
        raise
