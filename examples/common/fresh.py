"""A clean start: nothing of an earlier run of the SAME example may be left over.

Only what bears the example's own names is deleted: its topics, its consumer group, its keys.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from kafka.errors import KafkaError

from streams.config import Config
from streams.connections import Connections
from streams.topics.admin import create_topics, partition_counts
from streams.topics.clients import KafkaClients, opened
from streams.topics.plan import plan_topics

_GONE_SECONDS = 30.0


def start_afresh(
    config: Config, connections: Connections, clients: KafkaClients, partitions: int
) -> None:
    """Delete what an earlier run left, and create the topics."""
    clear(config, connections, clients)
    with opened(clients.admin()) as admin:
        create_topics(admin, plan_topics(config, partitions))


def clear(config: Config, connections: Connections, clients: KafkaClients) -> None:
    """Delete topics, group and keys of the example."""
    with opened(clients.admin()) as admin:
        topics = list(partition_counts(admin, [plan.name for plan in plan_topics(config)]))
        if topics:
            admin.delete_topics(topics)
            _wait_until_gone(admin, topics)
        _delete_group(admin, config.spec.app)
    with redis.Redis.from_url(connections.redis_url) as client:
        for pattern in (f"ebb:{{{config.spec.app}.*", f"ebb:{{{config.spec.app}}}*"):
            for key in client.scan_iter(match=pattern, count=1000):
                client.unlink(key)


def _delete_group(admin: Any, group: str) -> None:
    try:
        admin.delete_groups([group])
    except KafkaError:
        return  # there was none


def _wait_until_gone(admin: Any, topics: list[str]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while left := list(partition_counts(admin, topics)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker does not delete {', '.join(left)}")
        time.sleep(0.2)
