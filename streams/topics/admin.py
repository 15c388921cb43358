"""Asking a cluster for its topics and groups, and making topics: thin helpers of kafka-python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import CoordinatorNotAvailableError, TopicAlreadyExistsError

from streams.topics.clients import NO_ANSWER, KafkaClients, opened
from streams.topics.cluster import ClusterState, MemberState, TopicState
from streams.topics.plan import TopicPlan
from streams.topics.subscriptions import subscribed_topics

T = TypeVar("T")

NO_ID = "00000000-0000-0000-0000-000000000000"
"""What a broker says that keeps no ids of topics."""


class TopicCreationError(RuntimeError):
    """The cluster refused to create a topic."""


def observe(
    clients: KafkaClients, topics: Iterable[str], groups: Iterable[str] = ()
) -> ClusterState:
    """Look at the topics and groups named; what the broker does not answer is noted, not raised."""
    unanswered: dict[str, str] = {}
    with opened(clients.admin()) as admin:
        found = existing(admin, topics)
        configs = _asked(unanswered, "configs", lambda: topic_configs(admin, found))
        members = _asked(unanswered, "groups", lambda: {g: group_members(admin, g) for g in groups})
    states = {
        name: replace(topic, configs=None if configs is None else configs.get(name))
        for name, topic in found.items()
    }
    return ClusterState(states, members or {}, unanswered, clients.imitation)


def _asked(unanswered: dict[str, str], what: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except NO_ANSWER as error:
        unanswered[what] = str(error) or type(error).__name__
        return None


def existing(admin: Any, topics: Iterable[str]) -> dict[str, TopicState]:
    """Those of the topics that exist, without their settings."""
    described = admin.describe_topics(list(topics))
    return {
        t["name"]: TopicState(t["name"], len(t["partitions"]), topic_id=_topic_id(t))
        for t in described
        if t["error_code"] == 0
    }


def _topic_id(described: Mapping[str, Any]) -> str:
    told = str(described.get("topic_id") or "")
    return "" if told == NO_ID else told


def partition_counts(admin: Any, topics: Iterable[str]) -> dict[str, int]:
    """Partition counts of those of the topics that exist."""
    return {name: topic.partitions for name, topic in existing(admin, topics).items()}


def topic_configs(admin: Any, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """Settings of existing topics, the broker's defaults included."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    if not resources:
        return {}
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: {key: str(entry["value"]) for key, entry in entries.items()}
        for name, entries in described.items()
        if entries
    }


def group_members(admin: Any, group: str) -> tuple[MemberState, ...]:
    """Live members of a consumer group; none where the group is not known (yet)."""
    try:
        described = admin.describe_groups([group]).get(group, {})
    except CoordinatorNotAvailableError:  # a cluster that never had a group
        return ()
    return tuple(_member(m) for m in described.get("members", ()))


def _member(member: Mapping[str, Any]) -> MemberState:
    topics = subscribed_topics(member["member_metadata"])
    return MemberState(member["client_id"], member["client_host"].lstrip("/"), topics)


def committed_offsets(admin: Any, group: str, topics: Mapping[str, int]) -> dict[Any, int]:
    """Committed offset by TopicPartition, where the group has one (topics: partition counts)."""
    wanted = [TopicPartition(t, p) for t, count in topics.items() for p in range(count)]
    found = admin.list_group_offsets({group: wanted})[group]
    return {tp: entry.offset for tp, entry in found.items() if entry.offset >= 0}


def create_topics(admin: Any, plans: Iterable[TopicPlan], replication: int = -1) -> list[str]:
    """Make the topics, wait until they can be used, and name those that were made.

    One that somebody else made meanwhile is left alone. replication -1: the broker's default.
    """
    made = [plan.name for plan in plans if _create(admin, plan, replication)]
    admin.wait_for_topics(made)
    return made


def _create(admin: Any, plan: TopicPlan, replication: int) -> bool:
    options = {
        "num_partitions": plan.partitions,
        "replication_factor": replication,
        "configs": dict(plan.configs),
    }
    try:
        admin.create_topics({plan.name: options})
    except TopicAlreadyExistsError:
        return False
    except NO_ANSWER as error:
        raise TopicCreationError(
            f"topic {plan.name} could not be created ({plan.partitions} partitions, replication "
            f"{replication}): {error}. Check that the user may CREATE on the cluster and that "
            "there are enough brokers (--replication 1 suits a single one)."
        ) from error
    return True
