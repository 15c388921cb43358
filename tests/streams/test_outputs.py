"""Outputs: batches by partition, in order, again only what is not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from aiokafka.errors import NotEnoughReplicasError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record import MemoryRecords

from models.engine.requests import Output
from streams import patience
from streams.config import TopicNames
from streams.outputs import Outputs
from streams.telemetry.metrics import Metrics

PARTITIONS = 3
TOPICS = TopicNames(scores="s", sources="q", deadletter="d", examples="e", models="m", drift="f")


class Broker:
    """A producer whose batches end in lists. failures: how many batches to refuse, by topic."""

    def __init__(self, **failures: int) -> None:
        self.logs: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
        self.failures = failures
        self.open = 0

    async def partitions_for(self, topic: str) -> set[int]:
        assert topic in "sqdemf"
        return set(range(PARTITIONS))

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(400, 0)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Any]:
        assert batch.closed(), "an open batch waits for more"

        async def answer() -> None:
            await asyncio.sleep(0.001 * (partition + 1))
            if self.failures.get(topic, 0) > 0:
                self.failures[topic] -= 1
                raise NotEnoughReplicasError
            records = MemoryRecords(bytes(batch._build()))
            while records.has_next():
                found = [(r.key, r.value) for r in records.next_batch()]
                self.logs.setdefault((topic, partition), []).extend(found)

        return asyncio.ensure_future(answer())

    def all(self, topic: str) -> list[tuple[bytes, bytes]]:
        return [r for place, log in self.logs.items() if place[0] == topic for r in log]


def some(topic: str, count: int) -> list[Output]:
    return [Output(topic, b"user-%d" % (i % 7), b"%04d" % i) for i in range(count)]


def send(broker: Broker, outputs: list[Output]) -> Metrics:
    metrics = Metrics()
    asyncio.run(Outputs(broker, TOPICS, metrics).send(outputs))
    return metrics


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)


def test_every_record_goes_where_the_default_partitioner_puts_its_key() -> None:
    broker = Broker()
    send(broker, some("scores", 200) + some("sources", 5))
    everywhere = list(range(PARTITIONS))
    for (_, partition), log in broker.logs.items():
        for key, _ in log:
            assert DefaultPartitioner()(key, everywhere, everywhere) == partition
    assert len(broker.all("s")) == 200
    assert len(broker.all("q")) == 5


def test_records_of_a_partition_keep_their_order_over_batches() -> None:
    broker = Broker()
    send(broker, some("scores", 500))
    for log in broker.logs.values():
        values = [value for _, value in log]
        assert values == sorted(values)


@pytest.mark.parametrize("failures", [1, 2, 5])
def test_what_is_refused_is_sent_again_in_order_and_nothing_else(failures: int) -> None:
    broker = Broker(s=failures)
    metrics = send(broker, some("scores", 500) + some("deadletter", 3))
    assert sorted(value for _, value in broker.all("s")) == [b"%04d" % i for i in range(500)]
    assert len(broker.all("d")) == 3
    for log in broker.logs.values():
        assert [value for _, value in log] == sorted(value for _, value in log)
    assert metrics.outputs.labels("scores")._value.get() == 500


def test_a_record_larger_than_a_batch_goes_alone() -> None:
    broker = Broker()
    send(broker, [Output("scores", b"u", b"x" * 5000), Output("scores", b"u", b"y")])
    assert [len(value) for _, value in broker.all("s")] == [5000, 1]


def test_nothing_to_send_asks_nothing() -> None:
    send(Broker(), [])


def test_an_error_that_will_not_pass_gets_out() -> None:
    class Broken(Broker):
        async def partitions_for(self, topic: str) -> set[int]:
            raise ValueError(topic)

    with pytest.raises(ValueError, match="s"):
        send(Broken(), some("scores", 1))
