"""A broker that demands TLS and passwords, and a Redis that demands TLS and an ACL user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from streams.embedded import LocalKafka
from streams.embedded.ports import LOOPBACK, free_port
from tests.integration.security.certificates import Authority

USER, PASSWORD = "ebbline", "kafka-secret-2718281"


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """Addresses of one broker: plain (for the test itself), SASL over TLS, mutual TLS."""

    broker: LocalKafka
    sasl: str
    mutual: str
    authority: Authority

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to log in."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.sasl,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CAFILE": str(self.authority.ca),
        }


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    return Authority.make(tmp_path_factory.mktemp("certificates"), "right-authority")


@pytest.fixture(scope="session")
def secure_kafka(authority: Authority) -> Iterator[SecureKafka]:
    """One broker for all tests of this folder."""
    plain, controller, sasl, mutual = (free_port() for _ in range(4))
    listeners = {"PLAINTEXT": plain, "SECURE": sasl, "MUTUAL": mutual}
    shown = ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in listeners.items())
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    config = {
        "listeners": f"{shown},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": shown,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        "SECURE:SASL_SSL,MUTUAL:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.keystore("broker")),
        "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": login,
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca),
    }
    with LocalKafka(
        port=plain, controller_port=controller, config=config, scram={USER: PASSWORD}
    ) as broker:
        yield SecureKafka(broker, f"{LOOPBACK}:{sasl}", f"{LOOPBACK}:{mutual}", authority)
