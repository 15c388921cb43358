"""Preflight on librdkafka's in-memory cluster: quick, and open about what it could not see."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from streams.config import Config, parse_config
from streams.connections import Connections
from streams.topics.clients import connect, opened
from streams.topics.plan import plan_topics
from streams.topics.preflight import check_kafka

pytest.importorskip("confluent_kafka", reason="the in-memory cluster comes with confluent-kafka")

TEXT = """
[app]
name = "shop"
[sources.usage]
topic = "ev.usage"
user = "u"
time = { path = "t", unit = "ms" }
[[features]]
name = "n"
source = "usage"
agg = "count"
window = "7d"
[labels]
rule = "inactivity"
sources = ["usage"]
within = "28d"
horizon = "14d"
[scores]
schedule = { every = "1d" }
"""


@pytest.fixture
def address() -> Iterator[str]:
    from streams.embedded.mock_kafka import MockKafka

    with MockKafka() as mock:
        for plan in plan_topics(config(), 2):
            if plan.role != "drift":
                mock.create_topic(plan.name, plan.partitions)
        yield mock.bootstrap_servers


def config() -> Config:
    return parse_config(TEXT)


def test_what_cannot_be_seen_is_skipped_aloud_and_quickly(address: str) -> None:
    start = time.monotonic()
    problems = check_kafka(config(), Connections(kafka_address=address))
    assert time.monotonic() - start < 5
    assert [(p.severity, p.subject) for p in problems] == [
        ("error", "topic churn.drift"),
        ("skipped", "kafka"),
        ("skipped", "kafka"),
    ]
    assert all("in-memory cluster" in p.message for p in problems[1:])


def test_plain_clients_work_on_it(address: str) -> None:
    clients = connect(Connections(kafka_address=address))
    assert clients.imitation
    with opened(clients.producer()) as producer:
        sent = producer.send("ev.usage", key=b"u", value=b"{}", partition=1).get(timeout=10)
    with opened(clients.consumer()) as consumer:
        assert consumer.partitions_for_topic("ev.usage") == {0, 1}
    assert (sent.partition, sent.offset) == (1, 0)
