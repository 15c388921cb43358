"""Why no broker lets us in: kafka-python only says that it could not connect.

One attempt by hand at each address, as far as it gets: the connection, TLS, the login.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.connections import Connections

TIMEOUT_S = 4.0
_API_VERSIONS = bytes.fromhex("0000000c001200000000000100026562")
"""A request of the Kafka protocol (ApiVersions 0, correlation 1, client "eb")."""
_TLS_ALERT = 0x15


def why_unreachable(connections: Connections) -> str:
    """Cause and remedy, an address a line. Never raises for what it finds."""
    servers = connections.bootstrap_servers.split(",")
    with concurrent.futures.ThreadPoolExecutor(len(servers)) as pool:
        found = pool.map(lambda server: f"{server}: {_of_server(connections, server)}", servers)
        return "\n".join(found)


def _of_server(connections: Connections, server: str) -> str:
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as link:
            if not connections.uses_tls and _speaks_tls(link):
                return (
                    "the listener speaks TLS, and KAFKA_SECURITY_PROTOCOL="
                    f"{connections.security_protocol} does not. Use SSL, or SASL_SSL with a login."
                )
    except OSError as error:
        return (
            f"no connection: {error}. Check that the broker runs, that KAFKA_BOOTSTRAP_SERVERS "
            "names it, and that this machine may reach it."
        )
    return asyncio.run(_log_in(connections, host, int(port)))


def _speaks_tls(link: socket.socket) -> bool:
    """Whether a request in the clear is answered by a TLS alert."""
    link.sendall(_API_VERSIONS)
    try:
        return link.recv(1)[:1] == bytes([_TLS_ALERT])
    except OSError:
        return False


async def _log_in(connections: Connections, host: str, port: int) -> str:
    settings = {k: v for k, v in connections.aiokafka().items() if k != "bootstrap_servers"}
    try:
        attempt = create_conn(host, port, request_timeout_ms=int(TIMEOUT_S * 1000), **settings)
        connection = await asyncio.wait_for(attempt, 2 * TIMEOUT_S)
    except (OSError, KafkaError, TimeoutError) as error:
        return _explained(connections, error)
    connection.close()
    if connections.uses_sasl:
        return "the login works, but the broker answers nothing. Look into its log."
    return (
        "the connection works, but the broker answers nothing to it. Does its listener want a "
        "login (KAFKA_SECURITY_PROTOCOL=SASL_SSL, KAFKA_SASL_…)?"
    )


def _explained(connections: Connections, error: BaseException) -> str:
    """Words for the step that failed."""
    error = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is refused: {error.verify_message}. Name in KAFKA_SSL_CAFILE "
                f"(now {connections.tls.cafile or 'the authorities of the system'}) the authority "
                "that signed it, and in KAFKA_BOOTSTRAP_SERVERS a host that it is made out to."
            )
        case ssl.SSLError():
            return (
                f"TLS fails ({error.reason}). Does the listener speak TLS? If not, "
                "KAFKA_SECURITY_PROTOCOL has to be PLAINTEXT or SASL_PLAINTEXT. Does it want a "
                "certificate of ours? Then set KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE."
            )
        case SaslAuthenticationFailed():
            return (
                f"the login of user {connections.sasl_username!r} is refused. Check "
                "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, and that the user exists for "
                f"{connections.sasl_mechanism}."
            )
        case UnsupportedSaslMechanismError():
            return (
                f"the listener does not offer KAFKA_SASL_MECHANISM={connections.sasl_mechanism}. "
                "Use one that it does (sasl.enabled.mechanisms of the broker)."
            )
        case IllegalSaslStateError():
            return "the listener wants no login: KAFKA_SECURITY_PROTOCOL without SASL_."
        case KafkaConnectionError() | OSError() | TimeoutError():
            return (
                f"the connection breaks off ({error!r}) before the broker has let us in. Check "
                "that KAFKA_SECURITY_PROTOCOL and the SASL settings are the listener's."
            )
    return f"it refuses us: {error!r}"
