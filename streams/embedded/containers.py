"""Kafka and Redis in containers, through testcontainers, where an engine has the images already.

Nothing is ever pulled: a test run that starts to download is a test run that hangs on a train.
Host ports are fixed when a container is made, so that it can be killed and started again under the
same address, like the local processes. testcontainers belongs to the `dev` extra: imported here
only, and only when asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

from streams.embedded.errors import ServiceUnavailable
from streams.embedded.ports import LOOPBACK, free_port
from streams.embedded.probe import kafka_answers, redis_answers

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.1.1"
REDIS_IMAGE = "redis:7"
_ENGINE_TIMEOUT = 10  # seconds for one answer of the engine
_START_TIMEOUT = 60.0
_INTERNAL = 9092  # the port inside the Kafka container


def why_not(image: str) -> str | None:
    """The reason why `image` can't be run here, or None if it can."""
    try:
        import docker
        import testcontainers.core.container  # noqa: F401  (is it there, and does it import?)
    except ImportError as error:
        return f"testcontainers is not installed ({error.name})"
    try:
        client = docker.from_env(timeout=_ENGINE_TIMEOUT)
    except docker.errors.DockerException:
        return "no Docker engine answers"
    try:
        if not client.api.base_url.startswith("http+docker"):
            return "the Docker engine is on another machine, its ports are not on this loopback"
        client.images.get(image)
    except docker.errors.ImageNotFound:
        return f"the Docker engine has no image {image} (docker pull {image})"
    except (docker.errors.DockerException, OSError):
        return "no Docker engine answers"
    finally:
        client.close()
    return None


class ContainerService:
    """One container, with the same verbs as the local processes."""

    def __init__(
        self, container: DockerContainer, *, answers: Callable[[], bool], name: str
    ) -> None:
        self._container = container
        self._answers = answers
        self._name = name
        self._made = False

    @property
    def running(self) -> bool:
        """Whether the engine says that it runs."""
        if not self._made:
            return False
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def start(self) -> Self:
        """Make it or start it again, and return when it answers a client."""
        if not self._made:
            self._container.start()
            self._made = True
        elif not self.running:
            self._container.get_wrapped_container().start()
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                raise ServiceUnavailable(f"{self._name} did not answer.\n{self._logs()}")
            time.sleep(0.2)
        return self

    def stop(self) -> None:
        """End it in order; data and address stay."""
        if self.running:
            self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        """End it as a crash would; data and address stay."""
        if self.running:
            self._container.get_wrapped_container().kill()

    def restart(self) -> Self:
        """Stop it and start it again on the same data and address."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Remove the container and its data."""
        if self._made:
            self._container.stop()
            self._made = False

    def _logs(self) -> str:
        logs = self._container.get_logs()
        return "\n".join(part.decode(errors="replace")[-3000:] for part in logs)


def kafka_container() -> tuple[str, ContainerService]:
    """Address and handle of a broker in a container that is not started yet."""
    port, controller = free_port(), 9093
    address = f"{LOOPBACK}:{port}"
    settings = {
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_NODE_ID": "1",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@localhost:{controller}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{_INTERNAL},CONTROLLER://:{controller}",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        **{_variable(key): value for key, value in _shared_defaults().items()},
    }
    container = _container(KAFKA_IMAGE, settings)
    _publish(container, _INTERNAL, port)
    return address, ContainerService(
        container, answers=lambda: kafka_answers(address), name=KAFKA_IMAGE
    )


def redis_container() -> tuple[str, ContainerService]:
    """Address and handle of a Redis in a container that is not started yet."""
    port = free_port()
    url = f"redis://{LOOPBACK}:{port}/0"
    # Published on loopback only. The official image has no protected mode; others with its name do.
    container = _container(REDIS_IMAGE, {}).with_command(
        "redis-server --appendonly yes --maxmemory-policy noeviction --databases 64"
        " --protected-mode no"
    )
    _publish(container, 6379, port)
    return url, ContainerService(container, answers=lambda: redis_answers(url), name=REDIS_IMAGE)


def _container(image: str, settings: Mapping[str, str]) -> DockerContainer:
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    # Its helper that removes containers after a crash is an image too: used if it is there.
    if why_not(testcontainers_config.ryuk_image) is not None:
        testcontainers_config.ryuk_disabled = True
    return DockerContainer(image).with_envs(**settings)


def _publish(container: DockerContainer, inside: int, outside: int) -> None:
    # `with_bind_ports` would publish on ALL interfaces of this machine. What is underneath, the
    # engine's client, takes an address too.
    container.ports[str(inside)] = (LOOPBACK, outside)  # type: ignore[assignment]


def _shared_defaults() -> Mapping[str, str]:
    from streams.embedded.kafka import SINGLE_NODE_DEFAULTS

    return SINGLE_NODE_DEFAULTS


def _variable(key: str) -> str:
    """The official image's name for a line of server.properties."""
    return "KAFKA_" + key.upper().replace(".", "_")
