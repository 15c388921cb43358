"""The services that everything else is tested on: do they do what they are trusted to?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from streams.embedded import LocalKafka, LocalRedis, MockKafka, Services, ServiceUnavailable
from streams.embedded.kafka_jars import ensure_jars, find_java
from streams.embedded.probe import port_open
from streams.embedded.redis import find_server
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
# What kafka-python has to be told about the in-memory broker.
MOCK = {"api_version": (2, 0, 0)}


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie that nobody has collected has ended)."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def read(consumer: KafkaConsumer, topic: str, partition: int, count: int) -> list[bytes]:
    at = TopicPartition(topic, partition)
    consumer.assign([at])
    consumer.seek_to_beginning(at)
    found: list[bytes] = []
    deadline = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < deadline:
        found += [r.value for batch in consumer.poll(timeout_ms=500).values() for r in batch]
    return found


async def aio_round_trip(bootstrap_servers: str, topic: str, partition: int) -> bytes:
    """Send with aiokafka, read back through a consumer group with aiokafka."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers) as producer:
        await producer.send_and_wait(topic, b"from aiokafka", partition=partition)
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        group_id=f"{topic}-group",
        auto_offset_reset="earliest",
    ) as consumer:
        record = await consumer.getone()
        await consumer.commit()
        assert await consumer.committed(TopicPartition(topic, record.partition)) == 1
        return bytes(record.value)


def test_the_session_has_what_it_says(services: Services, redis_url: str) -> None:
    assert services.kafka_kind in ("environment", "container", "process")
    assert services.redis_kind in ("environment", "container", "process")
    assert redis.Redis.from_url(redis_url).dbsize() == 0


def test_helpers_agree_with_each_other(fresh_name, make_topics, produce, consume_all) -> None:
    (topic,) = make_topics(fresh_name, partitions=3, retention_ms="-1")
    assert produce(topic, [(f"user-{n}", f"{n}", 1_000 + n) for n in range(50)]) == 50
    assert produce(topic, [("k", b"\xff", 5, {"h": "x"})], partition=2) == 1

    records = consume_all(topic, at_least=51)

    assert len(records) == 51
    assert {r.partition for r in records} == {0, 1, 2}
    assert {(r.key, r.timestamp) for r in records} >= {(b"user-7", 1_007)}
    assert next(r for r in records if r.value == b"\xff").headers == [("h", b"x")]


@pytest.mark.parametrize("again", [1, 2])
def test_a_name_says_whose_it_is(fresh_name: str, again: int) -> None:
    assert fresh_name.startswith(f"test-a-name-says-whose-it-is-{again}-")


async def test_aiokafka_on_the_real_broker(bootstrap_servers, fresh_name, make_topics) -> None:
    (topic,) = make_topics(fresh_name, partitions=2)
    assert await aio_round_trip(bootstrap_servers, topic, 1) == b"from aiokafka"


def test_topics_are_not_made_by_accident(bootstrap_servers: str, fresh_name: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers)
    assert not consumer.partitions_for_topic(fresh_name)
    consumer.close()


@pytest.fixture(scope="module")
def local_programs(services: Services) -> None:
    """Where the run's services come from elsewhere, this machine may lack the programs."""
    if "process" in (services.kafka_kind, services.redis_kind):
        return
    try:
        find_java()
        ensure_jars()
        find_server()
    except ServiceUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def kafka(local_programs: None) -> Iterator[LocalKafka]:
    with LocalKafka(config={"log.segment.bytes": "1048576"}) as kafka:
        yield kafka


class TestLocalKafka:
    """A broker of its own, since it is killed."""

    def test_has_the_partitions_that_were_asked_for(self, kafka: LocalKafka) -> None:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        admin.create_topics({"one": {"num_partitions": 1}, "seven": {"num_partitions": 7}})
        consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers)
        assert consumer.partitions_for_topic("one") == {0}
        assert consumer.partitions_for_topic("seven") == set(range(7))
        consumer.close()
        admin.close()

    @pytest.mark.parametrize("how", ["kill", "stop"])
    def test_keeps_data_and_address(self, kafka: LocalKafka, how: str) -> None:
        topic, address = f"kept-{how}", kafka.bootstrap_servers
        admin = KafkaAdminClient(bootstrap_servers=address)
        admin.create_topics({topic: {"num_partitions": 2}}, wait_for_metadata=True)
        admin.close()
        producer = KafkaProducer(bootstrap_servers=address, acks="all")
        for n in range(20):
            producer.send(topic, value=f"{n}".encode(), partition=1).get(timeout=PATIENCE)
        producer.close()
        before = kafka.pid

        getattr(kafka, how)()
        assert before is not None
        assert gone(before)
        assert not port_open(address)
        kafka.start()

        assert kafka.pid != before
        assert kafka.bootstrap_servers == address
        consumer = KafkaConsumer(bootstrap_servers=address)
        assert read(consumer, topic, 1, 20) == [f"{n}".encode() for n in range(20)]
        consumer.close()

    def test_writes_its_log_to_a_file(self, kafka: LocalKafka) -> None:
        assert "Kafka version: 4.1.1" in kafka.log_path.read_text()


class TestMockKafka:
    """The demo's broker: needs nothing, keeps nothing."""

    @pytest.fixture
    def mock(self) -> Iterator[MockKafka]:
        pytest.importorskip("confluent_kafka", reason="the demo extra is not installed")
        with MockKafka() as mock:
            yield mock

    def test_has_the_partitions_that_were_asked_for(self, mock: MockKafka) -> None:
        mock.create_topic("one", 1)
        mock.create_topic("seven", 7)
        consumer = KafkaConsumer(bootstrap_servers=mock.bootstrap_servers, **MOCK)
        assert consumer.partitions_for_topic("one") == {0}
        assert consumer.partitions_for_topic("seven") == set(range(7))
        consumer.close()

    def test_kafka_python_sends_and_reads(self, mock: MockKafka) -> None:
        mock.create_topic("t", 2)
        producer = KafkaProducer(
            bootstrap_servers=mock.bootstrap_servers, enable_idempotence=False, **MOCK
        )
        for n in range(5):
            producer.send("t", value=f"{n}".encode(), partition=1, timestamp_ms=77).get(
                timeout=PATIENCE
            )
        producer.close()
        consumer = KafkaConsumer(bootstrap_servers=mock.bootstrap_servers, **MOCK)
        assert read(consumer, "t", 1, 5) == [f"{n}".encode() for n in range(5)]
        consumer.close()

    async def test_aiokafka_with_a_group(self, mock: MockKafka) -> None:
        mock.create_topic("t", 2)
        assert await aio_round_trip(mock.bootstrap_servers, "t", 1) == b"from aiokafka"

    def test_is_gone_when_closed(self) -> None:
        mock = MockKafka()
        assert port_open(mock.bootstrap_servers)
        mock.close()
        mock.close()
        assert not port_open(mock.bootstrap_servers)


class TestLocalRedis:
    """A Redis of its own, since it is killed."""

    @pytest.mark.parametrize("how", ["kill", "stop"])
    def test_keeps_what_it_acknowledged(self, local_programs: None, how: str) -> None:
        with LocalRedis() as server:
            url = server.url
            client = redis.Redis.from_url(url)
            for n in range(100):
                client.set(f"k{n}", n)
            getattr(server, how)()
            with pytest.raises(redis.ConnectionError):
                redis.Redis.from_url(url).ping()
            server.start()
            assert server.url == url
            assert redis.Redis.from_url(url).dbsize() == 100
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}


class TestForPeopleWithoutDocker:
    """`python -m streams.embedded`, as `make services` runs it."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_starts_both_and_leaves_nothing(
        self, local_programs: None, number: int, tmp_path: Path
    ) -> None:
        shell = subprocess.Popen(
            [sys.executable, "-m", "streams.embedded"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path)},  # nobody clears up after a SIGKILL
            stdout=subprocess.PIPE,
            text=True,
        )
        assert shell.stdout is not None
        lines = [shell.stdout.readline() for _ in range(2)]
        found = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        broker, url = found["KAFKA_BOOTSTRAP_SERVERS"], found["REDIS_URL"]
        assert redis.Redis.from_url(url).ping()
        assert port_open(broker)

        os.kill(shell.pid, number)

        code = shell.wait(timeout=PATIENCE)
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        deadline = time.monotonic() + PATIENCE  # the kernel ends them when WE are killed
        while port_open(broker) or port_open(url.removeprefix("redis://").removesuffix("/0")):
            assert time.monotonic() < deadline, "a service outlived the process that started it"
            time.sleep(0.1)
