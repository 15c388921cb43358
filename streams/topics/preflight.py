"""Everything that must be right outside this process before a worker starts.

Each problem carries its remedy. Errors mean: do not start; warnings: it works until the day that
is described; skipped: could not be checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.config import Config
from streams.connections import Connections, ConnectionSettingsError
from streams.topics.admin import observe
from streams.topics.checks import kafka_problems
from streams.topics.clients import NO_ANSWER, KafkaClients, KafkaUnreachable, connect
from streams.topics.cluster import Problem
from streams.topics.plan import plan_topics
from streams.topics.redis_checks import redis_problems

__all__ = ["PreflightError", "Problem", "check", "check_kafka", "check_redis", "require"]


SERVICES = ("kafka", "redis")
"""Subjects of errors that mean: it did not answer."""


class PreflightError(RuntimeError):
    """Preflight found errors; ``problems`` holds all that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        errors = [p for p in problems if p.severity == "error"]
        super().__init__("\n".join(["preflight failed:", *(f"- {p}" for p in errors)]))
        self.problems = tuple(problems)


def check(
    config: Config,
    connections: Connections,
    subscriptions: Mapping[str, Iterable[str]] | None = None,
) -> list[Problem]:
    """Check Kafka and Redis; blocks for some seconds at most when they don't answer.

    subscriptions: consumer group → topics that this process will subscribe to; by default the
    group named like the app, with the input topics.
    """
    return [*check_kafka(config, connections, subscriptions), *check_redis(connections)]


def check_kafka(
    config: Config,
    connections: Connections,
    subscriptions: Mapping[str, Iterable[str]] | None = None,
) -> list[Problem]:
    """Topics and consumer groups."""
    try:
        return _kafka(config, connect(connections), subscriptions)
    except (ConnectionSettingsError, KafkaUnreachable, *NO_ANSWER) as error:
        return [Problem("error", "kafka", f"{error}", "")]


def _kafka(
    config: Config, clients: KafkaClients, subscriptions: Mapping[str, Iterable[str]] | None
) -> list[Problem]:
    wanted = subscriptions or {config.spec.app: config.input_topics}
    groups = {group: frozenset(topics) for group, topics in wanted.items()}
    seen = observe(clients, [plan.name for plan in plan_topics(config)], groups)
    return kafka_problems(config, seen, groups)


def check_redis(connections: Connections) -> list[Problem]:
    """Redis: reachable, does not evict, keeps its data."""
    return redis_problems(connections)


def require(problems: Sequence[Problem]) -> None:
    """Raise PreflightError if there is an error among the problems."""
    if any(p.severity == "error" for p in problems):
        raise PreflightError(problems)
