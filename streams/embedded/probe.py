"""Does a service answer? Asked the way a client would: an open port alone says little."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager


def port_open(address: str, timeout: float = 0.5) -> bool:
    """Whether something accepts connections at `host:port` (the first of a list)."""
    host, _, port = address.split(",", maxsplit=1)[0].strip().rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=timeout):
            return True
    except OSError:
        return False


def kafka_answers(bootstrap_servers: str) -> bool:
    """Whether the broker names itself to a client, which it does once it may serve it."""
    if not port_open(bootstrap_servers):
        return False
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    with _quiet("kafka"):
        try:
            admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=5_000)
        except KafkaError:
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()


def redis_answers(url: str) -> bool:
    """Whether PING is answered; false too while it is still loading its data."""
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Without the client's complaints about a service that isn't up YET: we expect that."""
    target = logging.getLogger(logger)
    before = target.level
    target.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        target.setLevel(before)
