"""Is Redis fit to be the durable home of state? It must neither forget nor evict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis

from streams.connections import Connections, ConnectionSettingsError
from streams.topics.cluster import Problem

TIMEOUT_S = 3.0
SUBJECT = "redis"
_AUTHORITY = (
    "Name the authority that signed it (REDIS_URL=rediss://…?ssl_ca_certs=/path/ca.pem), and a "
    "host that it is made out to."
)
_REACHABLE = (
    "Check that it runs, that REDIS_URL names it, and that it speaks TLS if that begins with "
    "rediss://, and not if it begins with redis://."
)


def redis_problems(connections: Connections) -> list[Problem]:
    """Ask Redis; one error when it can't be reached, warnings about how it is set."""
    try:
        url = connections.redis_url
    except ConnectionSettingsError as error:
        return [Problem("error", SUBJECT, str(error), "")]
    client = redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
    try:
        client.ping()
        return _judged(client)
    except (redis.RedisError, OSError) as error:
        return [_unreachable(connections, error)]
    finally:
        client.close()


def _unreachable(connections: Connections, error: Exception) -> Problem:
    """The error's own words, and what to do about them."""
    said = str(error)
    if isinstance(error, redis.AuthenticationError) or said.startswith(("NOAUTH", "WRONGPASS")):
        what, remedy = "refuses the login", "Check user and password in REDIS_URL."
    elif isinstance(error, redis.exceptions.NoPermissionError):
        what, remedy = "refuses what is needed", "docs/security.md has the ACL line that suffices."
    elif "CERTIFICATE_VERIFY_FAILED" in said:
        what, remedy = "shows a certificate that is refused", _AUTHORITY
    else:
        what, remedy = "does not answer", _REACHABLE
    return Problem("error", SUBJECT, f"{what} at {connections.redis_shown}: {said}.", remedy)


def _judged(client: Any) -> list[Problem]:
    problems = []
    try:
        policy, persistent = _from_config(client)
    except redis.ResponseError as error:
        problems.append(_not_permitted(error))
        policy, persistent = _from_info(client)
    return [*problems, *settings_problems(policy, persistent)]


def _from_config(client: Any) -> tuple[str | None, bool | None]:
    text: dict[str, str] = {}
    for name in ("maxmemory-policy", "appendonly", "save"):  # Redis < 7 takes one name at a time
        text |= {_text(k): _text(v) for k, v in client.config_get(name).items()}
    if "appendonly" not in text:  # hidden, as some hosted services do
        raise redis.ResponseError("CONFIG GET gives nothing")
    persistent = text["appendonly"] == "yes" or bool(text.get("save", "").strip())
    return text.get("maxmemory-policy"), persistent


def _from_info(client: Any) -> tuple[str | None, bool | None]:
    """Read what INFO tells: it is permitted where CONFIG is not, but does not tell of snapshots."""
    try:
        info = {**client.info("memory"), **client.info("persistence")}
    except redis.ResponseError:
        return None, None
    return info.get("maxmemory_policy"), True if info.get("aof_enabled") == 1 else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _not_permitted(error: Exception) -> Problem:
    return Problem(
        "skipped",
        SUBJECT,
        f"CONFIG GET is not permitted ({error}); what INFO tells was used instead.",
        "In a hosted Redis look at its console: noeviction, and append-only persistence.",
    )


def settings_problems(policy: str | None, persistent: bool | None) -> Iterator[Problem]:
    """Judge eviction policy and persistence; None: not known."""
    if policy is not None and policy != "noeviction":
        yield Problem(
            "warning",
            SUBJECT,
            f"maxmemory-policy is {policy}: when memory is short it drops users' state silently.",
            "Set maxmemory-policy noeviction: writes then fail, and the worker waits.",
        )
    if persistent is False:
        yield Problem(
            "warning",
            SUBJECT,
            "keeps nothing on disk (appendonly no, no save): after its restart workers find no "
            "state where Kafka has commits, and must replay.",
            "Set appendonly yes.",
        )
    if policy is None or persistent is None:
        unknown = "maxmemory-policy and persistence" if policy is None else "persistence"
        yield Problem("skipped", SUBJECT, f"{unknown}: not known.", "")
