"""Addresses and secrets: the one module that reads the environment.

Everything else about a deployment stands in ``ebbline.toml``, which may be shared and committed;
what is here may not.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

DEFAULT_CONFIG = "ebbline.toml"
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
REDIS_SCHEMES = ("redis", "rediss", "unix")
MIN_KEY_BYTES = 16


class ConnectionSettingsError(ValueError):
    """Something in the environment is missing or wrong. The message names the remedy."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for TLS: the authority to trust (None: the system's), and our own certificate."""

    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """Make the TLS context; the broker's host name is always verified."""
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile:
                context.load_cert_chain(self.certfile, self.keyfile, self.password)
        except (OSError, ssl.SSLError) as error:
            raise ConnectionSettingsError(
                f"TLS files cannot be loaded (KAFKA_SSL_CAFILE={self.cafile}, "
                f"KAFKA_SSL_CERTFILE={self.certfile}, KAFKA_SSL_KEYFILE={self.keyfile}): {error}. "
                "Check that the paths exist, are readable, and hold PEM."
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class Connections:
    """How to reach Kafka and Redis. Made by :meth:`from_env`; its repr shows no secret.

    kafka_address, redis_address: as given, None when missing. ``bootstrap_servers`` and
    ``redis_url`` are the same, but raise where the address is missing.
    """

    kafka_address: str | None = None
    redis_address: str | None = field(default=None, repr=False)
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()
    signing_key: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Connections:
        """Read the environment.

        Raises ConnectionSettingsError naming everything that is set but wrong; what is merely
        missing is reported when something needs it.
        """
        values = {k: v.strip() for k, v in (os.environ if env is None else env).items()}
        made = cls(
            kafka_address=values.get("KAFKA_BOOTSTRAP_SERVERS") or None,
            redis_address=values.get("REDIS_URL") or None,
            security_protocol=_protocol(values),
            sasl_mechanism=values.get("KAFKA_SASL_MECHANISM") or None,
            sasl_username=values.get("KAFKA_SASL_USERNAME") or None,
            sasl_password=values.get("KAFKA_SASL_PASSWORD") or None,
            tls=_tls(values),
            signing_key=values.get("EBBLINE_SIGNING_KEY", "").encode() or None,
        )
        problems = list(_problems(made))
        if problems:
            raise ConnectionSettingsError("\n".join(problems))
        return made

    @property
    def bootstrap_servers(self) -> str:
        """Comma-separated ``host:port`` list of the Kafka cluster; raises when missing."""
        if self.kafka_address is None:
            raise ConnectionSettingsError(
                "KAFKA_BOOTSTRAP_SERVERS is not set, so there is no Kafka to connect to. Set it "
                "to the cluster's address, e.g. KAFKA_BOOTSTRAP_SERVERS=broker-1:9092 "
                "(to try Ebbline without one: ebbline demo)."
            )
        return self.kafka_address

    @property
    def redis_url(self) -> str:
        """URL of Redis, password included; raises when missing. For people: redis_shown."""
        if self.redis_address is None:
            raise ConnectionSettingsError(
                "REDIS_URL is not set, so there is no Redis to connect to. Set it, e.g. "
                "REDIS_URL=redis://localhost:6379/0, or rediss://:password@host:6379/0 with TLS "
                "(to try Ebbline without one: ebbline demo)."
            )
        return self.redis_address

    @property
    def redis_shown(self) -> str:
        """URL of Redis without user, password and query: fit for logs."""
        return "(not set)" if self.redis_address is None else _without_secrets(self.redis_address)

    @property
    def uses_tls(self) -> bool:
        """Whether the broker is spoken to over TLS."""
        return self.security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether we say to the broker who we are."""
        return self.security_protocol.startswith("SASL")

    def require_signing_key(self) -> bytes:
        """Key that snapshots are signed with; raises when missing."""
        if self.signing_key is None:
            raise ConnectionSettingsError(
                "EBBLINE_SIGNING_KEY is not set, and no unsigned model is ever loaded. Set the "
                "same secret for every worker and trainer, e.g. the output of: "
                "python -c 'import secrets; print(secrets.token_hex(32))'"
            )
        return self.signing_key

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments for the clients of kafka-python."""
        return {"bootstrap_servers": self.bootstrap_servers.split(","), **self._security()}

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments for the clients of aiokafka."""
        return {"bootstrap_servers": self.bootstrap_servers.split(","), **self._security()}

    def faust_broker(self) -> str:
        """Faust's ``broker`` setting: ``kafka://a:9092;kafka://b:9092``."""
        return ";".join(f"kafka://{server}" for server in self.bootstrap_servers.split(","))

    def faust_credentials(self) -> Any:
        """Faust's ``broker_credentials`` setting; None without SASL and TLS."""
        import faust

        context = self.tls.context() if self.uses_tls else None
        if self.uses_sasl:
            return faust.SASLCredentials(
                username=self.sasl_username,
                password=self.sasl_password,
                mechanism=self.sasl_mechanism,
                ssl_context=context,
            )
        return faust.SSLCredentials(context) if context else None

    def _security(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.uses_tls:
            settings["ssl_context"] = self.tls.context()
        if self.uses_sasl:
            settings["sasl_mechanism"] = self.sasl_mechanism
            settings["sasl_plain_username"] = self.sasl_username
            settings["sasl_plain_password"] = self.sasl_password
        return settings


def config_path(env: Mapping[str, str] | None = None) -> Path:
    """Path of the configuration: ``EBBLINE_CONFIG``, or ebbline.toml in the working directory."""
    return Path((os.environ if env is None else env).get("EBBLINE_CONFIG") or DEFAULT_CONFIG)


def _protocol(values: Mapping[str, str]) -> str:
    """Take the protocol as given, or what the other settings imply: a password only over TLS."""
    given = values.get("KAFKA_SECURITY_PROTOCOL", "").upper()
    if given:
        return given
    if values.get("KAFKA_SASL_MECHANISM"):
        return "SASL_SSL"
    tls = values.get("KAFKA_SSL_CAFILE") or values.get("KAFKA_SSL_CERTFILE")
    return "SSL" if tls else "PLAINTEXT"


def _tls(values: Mapping[str, str]) -> Tls:
    return Tls(
        cafile=values.get("KAFKA_SSL_CAFILE") or None,
        certfile=values.get("KAFKA_SSL_CERTFILE") or None,
        keyfile=values.get("KAFKA_SSL_KEYFILE") or None,
        password=values.get("KAFKA_SSL_PASSWORD") or None,
    )


def _problems(made: Connections) -> list[str]:
    return [*_address_problems(made), *_security_problems(made), *_key_problems(made)]


def _address_problems(made: Connections) -> list[str]:
    problems = []
    for server in (made.kafka_address or "h:1").split(","):
        host, _, port = server.rpartition(":")
        if not host or not port.isdecimal() or "://" in server or server != server.strip():
            problems.append(
                f"KAFKA_BOOTSTRAP_SERVERS: {server!r} is not host:port. Write a list such as "
                "broker-1:9092,broker-2:9092, without scheme and spaces."
            )
    if not _is_redis_url(made.redis_address or "redis://localhost"):
        problems.append(
            "REDIS_URL is not a URL that starts with redis://, rediss:// (TLS) or unix://. Write "
            "e.g. rediss://:password@host:6379/0."
        )
    return problems


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in REDIS_SCHEMES and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _security_problems(made: Connections) -> list[str]:
    if made.security_protocol not in PROTOCOLS:
        return [
            f"KAFKA_SECURITY_PROTOCOL={made.security_protocol!r} is not known. "
            f"Use one of {', '.join(PROTOCOLS)}."
        ]
    problems = []
    if made.uses_sasl and made.sasl_mechanism not in MECHANISMS:
        problems.append(
            f"KAFKA_SASL_MECHANISM={made.sasl_mechanism!r} cannot be used with "
            f"{made.security_protocol}. Use one of {', '.join(MECHANISMS)}."
        )
    if made.uses_sasl and not (made.sasl_username and made.sasl_password):
        problems.append(
            f"{made.security_protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD; set both."
        )
    if made.sasl_mechanism and not made.uses_sasl:
        problems.append(
            f"KAFKA_SASL_MECHANISM is set, but KAFKA_SECURITY_PROTOCOL={made.security_protocol} "
            "does not use it. Use SASL_SSL, or unset the mechanism."
        )
    if made.tls.keyfile and not made.tls.certfile:
        problems.append("KAFKA_SSL_KEYFILE is set without KAFKA_SSL_CERTFILE; set both.")
    return problems


def _key_problems(made: Connections) -> list[str]:
    if made.signing_key is None or len(made.signing_key) >= MIN_KEY_BYTES:
        return []
    return [
        f"EBBLINE_SIGNING_KEY has only {len(made.signing_key)} bytes; use {MIN_KEY_BYTES} or "
        "more, e.g. the output of: python -c 'import secrets; print(secrets.token_hex(32))'"
    ]


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
