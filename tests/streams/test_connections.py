"""Addresses and secrets: read once, wrong ones named, secrets never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.connections import Connections, ConnectionSettingsError, Tls, config_path

SECRET = "hunter2-hunter2-hunter2"


def test_a_missing_address_is_an_error_only_when_it_is_needed() -> None:
    made = Connections.from_env({})
    with pytest.raises(ConnectionSettingsError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        _ = made.bootstrap_servers
    with pytest.raises(ConnectionSettingsError, match="REDIS_URL is not set"):
        _ = made.redis_url
    with pytest.raises(ConnectionSettingsError, match="EBBLINE_SIGNING_KEY is not set"):
        made.require_signing_key()
    assert made.redis_shown == "(not set)"


def test_plain_addresses() -> None:
    made = Connections.from_env(
        {"KAFKA_BOOTSTRAP_SERVERS": "a:9092,b:9093\n", "REDIS_URL": "redis://h:6379/1"}
    )
    assert made.kafka_python() == made.aiokafka()
    assert made.kafka_python() == {
        "bootstrap_servers": ["a:9092", "b:9093"],
        "security_protocol": "PLAINTEXT",
    }
    assert made.faust_broker() == "kafka://a:9092;kafka://b:9093"
    assert made.faust_credentials() is None
    assert made.redis_url == "redis://h:6379/1"


def secret_env() -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": "a:9092",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "ebb",
        "KAFKA_SASL_PASSWORD": SECRET,
        "KAFKA_SSL_PASSWORD": SECRET,
        "REDIS_URL": f"rediss://user:{SECRET}@h:6379/1?password={SECRET}",
        "EBBLINE_SIGNING_KEY": SECRET,
    }


def test_no_secret_is_shown() -> None:
    made = Connections.from_env(secret_env())
    assert SECRET not in repr(made) + str(made) + repr(made.tls) + made.redis_shown
    assert made.redis_shown == "rediss://h:6379/1"
    assert made.signing_key == made.require_signing_key() == SECRET.encode()


def test_a_password_goes_over_tls_unless_told_otherwise() -> None:
    made = Connections.from_env(secret_env())
    settings = made.kafka_python()
    assert settings["security_protocol"] == "SASL_SSL"
    assert settings["ssl_context"].check_hostname
    assert settings["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (settings["sasl_plain_username"], settings["sasl_plain_password"]) == ("ebb", SECRET)
    plain = secret_env() | {"KAFKA_SECURITY_PROTOCOL": "sasl_plaintext"}
    assert "ssl_context" not in Connections.from_env(plain).kafka_python()


def test_fausts_credentials_say_the_same() -> None:
    credentials = Connections.from_env(secret_env()).faust_credentials()
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-512"
    assert (credentials.username, credentials.password) == ("ebb", SECRET)
    assert credentials.ssl_context is not None
    tls_only = Connections(kafka_address="a:1", security_protocol="SSL")
    assert tls_only.faust_credentials().protocol.value == "SSL"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"KAFKA_BOOTSTRAP_SERVERS": "localhost"}, "'localhost' is not host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka://a:1"}, "without scheme"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "a:1, b:2"}, "spaces"),
        ({"REDIS_URL": "http://h"}, "redis://"),
        ({"REDIS_URL": "redis://h:port"}, "redis://"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "SASL_SSL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM=None"),
        ({"KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SASL_USERNAME"),
        ({"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SECURITY_PROTOCOL": "SSL"}, "does not use it"),
        ({"KAFKA_SSL_KEYFILE": "k.pem"}, "KAFKA_SSL_CERTFILE"),
        ({"EBBLINE_SIGNING_KEY": "short"}, "5 bytes"),
    ],
)
def test_what_is_set_but_wrong_is_named_with_its_remedy(env: dict[str, str], named: str) -> None:
    with pytest.raises(ConnectionSettingsError, match=re.escape(named)):
        Connections.from_env(env)


def test_all_problems_come_at_once() -> None:
    env = {"KAFKA_BOOTSTRAP_SERVERS": "x", "REDIS_URL": "x", "EBBLINE_SIGNING_KEY": "x"}
    with pytest.raises(ConnectionSettingsError) as caught:
        Connections.from_env(env)
    assert len(str(caught.value).splitlines()) == 3


def test_tls_files_that_cannot_be_loaded_are_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "ca.pem")
    with pytest.raises(ConnectionSettingsError, match=r"KAFKA_SSL_CAFILE=.*ca\.pem"):
        Tls(cafile=missing).context()


def test_the_configurations_path() -> None:
    assert config_path({}) == Path("ebbline.toml")
    assert config_path({"EBBLINE_CONFIG": "/etc/e.toml"}) == Path("/etc/e.toml")
