"""``ebbline topics`` on a real broker: makes what is missing once, finds what is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from kafka import KafkaConsumer

from streams.connections import Connections
from streams.embedded import LocalRedis
from streams.topics.admin import observe
from streams.topics.clients import KafkaClients, KafkaUnreachable, connect
from streams.topics.cluster import ClusterState
from streams.topics.preflight import check_kafka
from tests.patience import PATIENCE


def look(deployment: Any) -> ClusterState:
    clients = connect(Connections.from_env(deployment.environment))
    return observe(clients, deployment.topics)


def test_creating_is_idempotent(deployment: Any) -> None:
    dry = deployment.run("topics", "create", "--dry-run", "--partitions", "3")
    assert (dry.exit_code, dry.output.count("missing")) == (0, 8), dry.output
    assert look(deployment).topics == {}

    made = deployment.run("topics", "create", "--partitions", "3", "--replication", "1")
    assert (made.exit_code, made.output.count("created")) == (0, 8), made.output
    seen = look(deployment).topics
    names = deployment.config.topics
    assert {n: t.partitions for n, t in seen.items()} == {
        **dict.fromkeys([*deployment.config.input_topics, names.scores, names.deadletter], 3),
        **dict.fromkeys([names.sources, names.examples, names.models, names.drift], 1),
    }
    assert seen[names.models].config("cleanup.policy") == "compact"
    assert seen[names.examples].config("retention.ms") == "-1"

    again = deployment.run("topics", "create")
    assert (again.exit_code, again.output.count("exists")) == (0, 8), again.output
    assert "created" not in again.output
    assert look(deployment).topics == seen

    checked = deployment.run("topics", "check")
    assert checked.exit_code == 0, checked.output
    assert "topic" not in checked.output.replace("Topics", "")


def test_history_keeps_its_times(deployment: Any) -> None:
    deployment.with_clock("arrival").run("topics", "create", "--partitions", "1")
    usage = look(deployment).topics[deployment.config.input_topics[0]]
    assert usage.config("message.timestamp.type") == "CreateTime"
    assert usage.config("retention.ms") == "-1"
    assert deployment.run("topics", "check").exit_code == 0


def test_topics_that_exist_are_followed_or_named_never_changed(
    deployment: Any, make_topics: Any
) -> None:
    usage, outcomes = deployment.config.input_topics
    make_topics(usage, partitions=5, retention_ms="1000")
    refused = deployment.run("topics", "create", "--partitions", "3")
    assert refused.exit_code == 1
    assert f"{usage} 5 partitions and 3" in refused.output
    assert set(look(deployment).topics) == {usage}

    made = deployment.run("topics", "create")
    assert f"differs   {usage}: retention.ms=1000" in made.output
    seen = look(deployment).topics
    assert (seen[outcomes].partitions, seen[usage].config("retention.ms")) == (5, "1000")


def test_what_is_wrong_is_found(deployment: Any, make_topics: Any) -> None:
    usage, outcomes = deployment.config.input_topics
    names = deployment.config.topics
    make_topics(usage, partitions=2, retention_ms="1000")
    make_topics(outcomes, partitions=3, retention_ms="-1")
    make_topics(names.models, partitions=1)
    make_topics(names.examples, partitions=2, retention_ms="-1")
    made = Connections.from_env(deployment.environment)
    found = {(p.severity, p.subject) for p in check_kafka(deployment.config, made)}
    assert found >= {
        ("error", "input topics"),
        ("error", f"topic {names.models}"),
        ("error", f"topic {names.examples}"),
        ("error", f"topic {names.scores}"),
        ("warning", f"topic {usage}"),
    }
    assert deployment.run("topics", "check").exit_code == 1


@contextmanager
def member(servers: str, group: str, topics: list[str]) -> Iterator[None]:
    """A live member of the group; it has joined when the block begins."""
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=group, session_timeout_ms=10_000)
    consumer.subscribe(topics)
    ended = threading.Event()

    def poll() -> None:
        while not ended.is_set():
            consumer.poll(timeout_ms=100)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not consumer.assignment():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        ended.set()
        thread.join()
        consumer.close()


def test_a_member_with_another_subscription_is_refused(
    deployment: Any, bootstrap_servers: str
) -> None:
    deployment.run("topics", "create", "--partitions", "1")
    inputs = list(deployment.config.input_topics)
    connections = Connections.from_env(deployment.environment)
    with member(bootstrap_servers, deployment.app, inputs):
        assert check_kafka(deployment.config, connections) == []
    with member(bootstrap_servers, deployment.app, inputs[:1]):
        [problem] = check_kafka(deployment.config, connections)
        assert (problem.severity, problem.subject) == ("error", f"group {deployment.app}")
        other = {deployment.app: inputs[:1]}
        assert check_kafka(deployment.config, connections, other) == []


def test_redis_that_evicts_and_forgets_is_named(deployment: Any) -> None:
    with LocalRedis(appendonly=False, maxmemory_policy="allkeys-lru") as server:
        output = deployment.at(REDIS_URL=server.url).run("topics", "check").output
    assert output.count("warning") == 2, output
    gone = deployment.at(REDIS_URL=server.url).run("topics", "check")
    assert gone.exit_code == 1
    assert "does not answer" in " ".join(gone.output.split())


def test_redis_without_the_right_to_read_its_configuration(deployment: Any) -> None:
    with LocalRedis() as server:
        with redis.Redis.from_url(server.url) as owner:
            owner.execute_command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+@all", "-config")
        url = server.url.replace("redis://", "redis://weak:pw@")
        output = deployment.at(REDIS_URL=url).run("topics", "check").output
    assert "not permitted" in " ".join(output.split())
    assert "warning" not in output


def test_a_real_broker_is_no_imitation(bootstrap_servers: str) -> None:
    clients = connect(Connections(kafka_address=bootstrap_servers))
    assert isinstance(clients, KafkaClients)
    assert not clients.imitation


def test_nobody_at_the_address(deployment: Any) -> None:
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:9: no connection"):
        connect(Connections(kafka_address="127.0.0.1:9"))
    output = deployment.at(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9").run("topics", "create").output
    assert "KAFKA_BOOTSTRAP_SERVERS names it" in output
