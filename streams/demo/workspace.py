"""Where a run of the demo lives: its configuration, its topics; all of it goes away again."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import redis
from kafka.errors import KafkaError

from streams.config import Config, parse_config
from streams.connections import Connections
from streams.demo.template import configuration
from streams.embedded import Services
from streams.topics.admin import create_topics
from streams.topics.clients import KafkaClients, connect, opened
from streams.topics.plan import plan_topics

PARTITIONS = 4

log = logging.getLogger(__name__)


@contextlib.contextmanager
def topics(services: Services, connections: Connections, path: Path) -> Iterator[Config]:
    """Write the configuration to ``path`` and make its topics; leave nothing on real services."""
    shared = services.mock is None or services.redis_kind == "environment"
    name = f"ebbline-demo-{secrets.token_hex(4)}" if shared else "demo"
    path.write_text(configuration(name), encoding="utf-8")
    config = parse_config(path.read_text(encoding="utf-8"), path)
    plans = plan_topics(config, PARTITIONS)
    if services.mock is not None:
        for plan in plans:
            services.mock.create_topic(plan.name, plan.partitions)
    else:
        with opened(connect(connections).admin()) as admin:
            create_topics(admin, plans)
    try:
        yield config
    finally:
        if shared:
            _clean(connections, config, services)


def _clean(connections: Connections, config: Config, services: Services) -> None:
    """Remove what carries this run's name; what cannot be removed is named, not fatal."""
    if services.mock is None:
        try:
            _delete_topics(connect(connections), config)
        except (KafkaError, OSError) as error:
            log.warning("topics %s.* were not deleted: %s", config.spec.app, error)
    try:
        _delete_keys(connections, config.spec.app)
    except redis.RedisError as error:
        log.warning("keys of %s in Redis were not deleted: %s", config.spec.app, error)


def _delete_topics(clients: KafkaClients, config: Config) -> None:
    with opened(clients.admin()) as admin:
        admin.delete_topics([plan.name for plan in plan_topics(config, PARTITIONS)])
        with contextlib.suppress(KafkaError):  # the trainer's may not exist, or still be leaving
            admin.delete_groups([config.spec.app])


def _delete_keys(connections: Connections, name: str) -> None:
    client = redis.Redis.from_url(connections.redis_url)
    try:
        for key in client.scan_iter(match=f"*{name}*", count=1000):
            client.delete(key)
    finally:
        client.close()
