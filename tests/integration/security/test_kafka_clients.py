"""Every client that Ebbline uses logs in over TLS; what is wrong is said at once, and by name."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.connections import Connections
from streams.topics.clients import KafkaUnreachable, connect, opened
from tests.integration.security.certificates import KEY_PASSWORD, Authority
from tests.integration.security.conftest import SecureKafka
from tests.patience import PATIENCE

WITHIN_SECONDS = 25


def test_kafka_pythons_clients_log_in(secure_kafka: SecureKafka, fresh_name: str) -> None:
    round_trip(secure_kafka.environment, fresh_name)


def test_a_clients_certificate_is_shown(secure_kafka: SecureKafka, fresh_name: str) -> None:
    certificate, key = secure_kafka.authority.issue("client", password=KEY_PASSWORD)
    round_trip(
        {
            "KAFKA_BOOTSTRAP_SERVERS": secure_kafka.mutual,
            "KAFKA_SSL_CAFILE": str(secure_kafka.authority.ca),
            "KAFKA_SSL_CERTFILE": str(certificate),
            "KAFKA_SSL_KEYFILE": str(key),
            "KAFKA_SSL_PASSWORD": KEY_PASSWORD,
        },
        fresh_name,
    )


def round_trip(env: Mapping[str, str], topic: str) -> None:
    clients = connect(Connections.from_env(env))
    with opened(clients.admin()) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics([topic])
    with opened(clients.producer()) as producer:
        producer.send(topic, value=b"hello").get(20)
    with opened(clients.consumer(auto_offset_reset="earliest")) as consumer:
        consumer.subscribe([topic])
        records: list[bytes] = []
        deadline = time.monotonic() + PATIENCE
        while not records and time.monotonic() < deadline:
            records += [r.value for batch in consumer.poll(500).values() for r in batch]
    assert records == [b"hello"]


async def test_aiokafkas_clients_log_in(secure_kafka: SecureKafka, fresh_name: str) -> None:
    connections = Connections.from_env(secure_kafka.environment)
    with opened(connect(connections).admin()) as admin:
        admin.create_topics({fresh_name: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics([fresh_name])
    async with AIOKafkaProducer(**connections.aiokafka()) as producer:
        await producer.send_and_wait(fresh_name, b"hello")
    options = {"auto_offset_reset": "earliest", **connections.aiokafka()}
    async with AIOKafkaConsumer(fresh_name, **options) as consumer:
        assert (await consumer.getone()).value == b"hello"


WRONG = {
    "password": ({"KAFKA_SASL_PASSWORD": "not-this-one-1234"}, "KAFKA_SASL_PASSWORD"),
    "user": ({"KAFKA_SASL_USERNAME": "stranger"}, "KAFKA_SASL_USERNAME"),
    "mechanism": ({"KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SASL_MECHANISM"),
    "plaintext": ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
    "no login": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SASL_MECHANISM": ""},
        "KAFKA_SECURITY_PROTOCOL",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(secure_kafka: SecureKafka, name: str) -> None:
    changed, named = WRONG[name]
    assert named in refusal({**secure_kafka.environment, **changed})


def test_an_unknown_authority_is_named(secure_kafka: SecureKafka) -> None:
    other = Authority.make(secure_kafka.authority.folder, "wrong-authority")
    message = refusal({**secure_kafka.environment, "KAFKA_SSL_CAFILE": str(other.ca)})
    assert "KAFKA_SSL_CAFILE" in message
    assert "certificate" in message


def test_a_certificate_for_another_host_is_refused(secure_kafka: SecureKafka) -> None:
    address = secure_kafka.sasl.replace("127.0.0.1", "127.0.0.2")
    message = refusal({**secure_kafka.environment, "KAFKA_BOOTSTRAP_SERVERS": address})
    assert "127.0.0.2" in message


def test_tls_to_a_plain_port_is_named(secure_kafka: SecureKafka) -> None:
    plain = {"KAFKA_BOOTSTRAP_SERVERS": secure_kafka.broker.bootstrap_servers}
    assert "KAFKA_SECURITY_PROTOCOL" in refusal({**secure_kafka.environment, **plain})


def refusal(env: Mapping[str, str]) -> str:
    """The error that a command ends with; it must come soon, and without the secret."""
    connections = Connections.from_env(env)
    started = time.monotonic()
    with pytest.raises(KafkaUnreachable) as caught:
        connect(connections)
    assert time.monotonic() - started < WITHIN_SECONDS
    message = str(caught.value)
    if password := env.get("KAFKA_SASL_PASSWORD"):
        assert password not in message
    return message
