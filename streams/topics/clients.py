"""Plain clients (kafka-python) for one cluster, opened with what the cluster can speak.

librdkafka's in-memory cluster, which the demo runs on, does not answer the question which
versions it speaks; it has to be told one. That is found out once, here, and every client is
then made the same way.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from streams.connections import Connections
from streams.topics.diagnosis import why_unreachable

BOOTSTRAP_MS = 5_000
REQUEST_MS = 10_000
IMITATION_MS = 3_000
IMITATION_VERSION = (2, 0, 0)
IMITATION_ID = "mockCluster"
PROBE_MS = 1_000
NO_ANSWER = (KafkaError, OSError, TypeError, ValueError)
"""What kafka-python raises when a broker does not know a request (TypeError: a null reply)."""


class KafkaUnreachable(RuntimeError):
    """No broker answered at the given addresses."""


@dataclass(frozen=True, slots=True)
class KafkaClients:
    """Makes clients for one cluster. ``imitation``: it is librdkafka's mock, not a Kafka."""

    options: Mapping[str, Any]
    imitation: bool = False

    def admin(self) -> Any:
        """Open an admin client; the caller closes it."""
        timeout = IMITATION_MS if self.imitation else REQUEST_MS
        return KafkaAdminClient(
            **self.options, bootstrap_timeout_ms=BOOTSTRAP_MS, request_timeout_ms=timeout
        )

    def consumer(self, **settings: Any) -> Any:
        """Open a consumer without a group (raw bytes, nothing committed)."""
        defaults = {"group_id": None, "enable_auto_commit": False}
        return KafkaConsumer(**self.options, **{**defaults, **settings})

    def producer(self, **settings: Any) -> Any:
        """Open a producer that waits for all replicas."""
        defaults = {"acks": "all", "enable_idempotence": not self.imitation}
        return KafkaProducer(**self.options, **{**defaults, **settings})


def connect(connections: Connections) -> KafkaClients:
    """Find out what the cluster speaks; raises KafkaUnreachable, with the remedy.

    The imitation runs on loopback only; asked there first, for it answers at once when told the
    version, and only after a timeout otherwise.
    """
    options = connections.kafka_python()
    with _quiet():
        told = {**options, "api_version": IMITATION_VERSION}
        if all(map(_on_loopback, options["bootstrap_servers"])) and _is_imitation(told):
            return KafkaClients(told, imitation=True)
        try:
            with opened(KafkaAdminClient(**options, bootstrap_timeout_ms=BOOTSTRAP_MS)):
                return KafkaClients(options)
        except NO_ANSWER as error:
            raise KafkaUnreachable(
                f"no Kafka broker lets us in:\n{why_unreachable(connections)}"
            ) from error


def _on_loopback(server: str) -> bool:
    return server.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")


def _is_imitation(options: Mapping[str, Any]) -> bool:
    try:
        with opened(KafkaAdminClient(**options, bootstrap_timeout_ms=PROBE_MS)) as admin:
            return str(admin.describe_cluster()["cluster_id"]).startswith(IMITATION_ID)
    except NO_ANSWER:
        return False


@contextlib.contextmanager
def opened(client: Any) -> Iterator[Any]:
    """Close the client when the block is left."""
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without kafka-python's complaints about attempts that we expect to fail."""
    logger = logging.getLogger("kafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
