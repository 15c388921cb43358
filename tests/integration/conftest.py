"""The real services, and plain kafka-python clients to look at them from outside.

One broker and one Redis serve the whole session; tests keep apart by names (`fresh_name`) and by
Redis databases (`redis_url`). A test that kills a service starts one of its own
(`LocalKafka`, `LocalRedis`), so that the others keep theirs.
"""

from __future__ import annotations

import itertools
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from streams.embedded import Services, ServiceUnavailable, resolve_services
from tests.patience import PATIENCE

Row = Any  # what `produce` takes for one record; its docstring says which forms there are
_CLAIM = "ebbline:test-database:{}"
_CLAIM_SECONDS = 3_600  # a crashed run frees what it claimed
_HERE = Path(__file__).parent
_NOT_FOUND_MS = 30_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies in this folder needs the services: nobody has to remember the marker."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Kafka and Redis: from the environment, containers or processes of our own.

    In CI (`CI=true`) missing ones are a failure; elsewhere a skip that says why. With
    `EBBLINE_CONTAINERS=required` (`make test-containers`) they have to be containers.
    """
    found = resolve_services()
    try:
        running = found.__enter__()
    except ServiceUnavailable as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"CI must have the real services. {error}", pytrace=False)
        pytest.skip(str(error))
    try:
        kinds = {running.kafka_kind, running.redis_kind}
        if os.environ.get("EBBLINE_CONTAINERS") == "required" and kinds != {"container"}:
            pytest.fail(f"Kafka and Redis have to be containers, not {kinds}", pytrace=False)
        yield running
    finally:
        found.__exit__(None, None, None)


@pytest.fixture(scope="session")
def bootstrap_servers(services: Services) -> str:
    return services.bootstrap_servers


@pytest.fixture
def redis_url(services: Services) -> Iterator[str]:
    """A database of Redis that was empty, and is emptied afterwards.

    An address from the environment may be somebody's own server: a database that holds anything
    is never touched, and which ones are in use by tests is noted in the given one.
    """
    home = redis.Redis.from_url(services.redis_url)
    number, client, url = _claim_database(home, services.redis_url)
    yield url
    client.flushdb()
    client.close()
    home.delete(_CLAIM.format(number))
    home.close()


def _claim_database(home: redis.Redis, address: str) -> tuple[int, redis.Redis, str]:
    databases = int(home.config_get("databases")["databases"] or 1)
    for number in range(1, databases):
        if not home.set(_CLAIM.format(number), os.getpid(), nx=True, ex=_CLAIM_SECONDS):
            continue
        url = urlunsplit(urlsplit(address)._replace(path=f"/{number}"))
        client = redis.Redis.from_url(url)
        if client.dbsize() == 0:
            return number, client, url
        client.close()  # somebody's data; the claim stays, so that we don't look again
    return pytest.fail(f"none of the {databases} databases of {address} is empty and free")


_numbers = itertools.count()


@pytest.fixture
def fresh_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test, and no earlier run, uses: for apps, groups and topic prefixes."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    return f"{test}-{next(_numbers)}-{uuid.uuid4().hex[:6]}"


MakeTopics = Callable[..., list[str]]
Produce = Callable[..., int]
ConsumeAll = Callable[..., list[Any]]


@pytest.fixture
def make_topics(bootstrap_servers: str) -> Iterator[MakeTopics]:
    """`make_topics(names, partitions=1, **configs)`; deleted again after the test.

    Dots in configuration names are underscores here: `retention_ms="-1"`. Returns the names, when
    every partition has a leader.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    made: list[str] = []

    def make(names: str | Iterable[str], partitions: int = 1, **configs: Any) -> list[str]:
        wanted = [names] if isinstance(names, str) else list(names)
        settings = {key.replace("_", "."): str(value) for key, value in configs.items()}
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": settings}
        admin.create_topics(dict.fromkeys(wanted, options), wait_for_metadata=True)
        made.extend(wanted)
        return wanted

    yield make
    if made:
        admin.delete_topics(made)
    admin.close()


@pytest.fixture
def produce(bootstrap_servers: str) -> Iterator[Produce]:
    """`produce(topic, rows, partition=None)`: acknowledged when it returns; their number.

    A row is a value, or (key, value[, timestamp in ms[, headers]]); bytes, or text. With a key
    and no `partition`, murmur2 of the key decides, as for every Kafka client.
    """
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5)

    def send(topic: str, rows: Iterable[Row], partition: int | None = None) -> int:
        sent = [producer.send(topic, partition=partition, **_record(row)) for row in rows]
        producer.flush()
        for future in sent:
            future.get(timeout=_NOT_FOUND_MS / 1000)
        return len(sent)

    yield send
    producer.close()


@pytest.fixture
def consume_all(bootstrap_servers: str) -> ConsumeAll:
    """`consume_all(topic, at_least=0, timeout=…)`: every record from the first to the present end.

    With `at_least`, waits until so many are there. Ordered by partition, then offset. Needs no
    group, so it disturbs none.
    """

    def read(topic: str, at_least: int = 0, timeout: float = PATIENCE) -> list[Any]:
        deadline = time.monotonic() + timeout
        while True:
            records = _read_to_end(bootstrap_servers, topic, deadline)
            if len(records) >= at_least:
                return records
            if time.monotonic() > deadline:
                pytest.fail(f"{topic}: {len(records)} records after {timeout:g} s, not {at_least}")
            time.sleep(0.2)

    return read


def _record(row: Row) -> dict[str, Any]:
    """The arguments of `KafkaProducer.send` for a row."""
    key, value, timestamp, headers = (
        (*row, None, None)[:4]
        if isinstance(row, tuple)
        else (
            None,
            row,
            None,
            None,
        )
    )
    pairs = headers.items() if isinstance(headers, Mapping) else headers or []
    return {
        "key": _bytes(key),
        "value": _bytes(value),
        "timestamp_ms": timestamp,
        "headers": [(name, _bytes(content)) for name, content in pairs],
    }


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content


def _read_to_end(bootstrap_servers: str, topic: str, deadline: float) -> list[Any]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions) if partitions else {}
        found: list[Any] = []
        while any(consumer.position(p) < end for p, end in ends.items()):
            if time.monotonic() > deadline:
                pytest.fail(f"{topic}: could not be read to its end in time")
            for batch in consumer.poll(timeout_ms=500).values():
                found.extend(batch)
        return sorted(found, key=lambda r: (r.partition, r.offset))
    finally:
        consumer.close()
