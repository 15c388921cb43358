"""What was seen of a cluster, as values: the checks judge these, and touch no broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "skipped"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to put right. ``skipped``: a check that could not be made, and why.

    subject: what it is about (``topic events.usage``, ``group shop``, ``redis``).
    """

    severity: Severity
    subject: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """One line for a log or an exception."""
        return f"{self.severity}: {self.subject}: {self.message} {self.remedy}".rstrip()


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic that exists. ``configs``: None when the broker would not say.

    topic_id: changes when a topic is deleted and created again (KIP-516); "" when not told.
    """

    name: str
    partitions: int
    configs: Mapping[str, str] | None = None
    topic_id: str = ""

    def config(self, key: str, default: str = "") -> str:
        """The configuration's value; the default where it is not known."""
        return (self.configs or {}).get(key, default)


@dataclass(frozen=True, slots=True)
class MemberState:
    """A live member of a consumer group. ``topics``: its subscription, None if unreadable."""

    client: str
    host: str
    topics: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Topics by name (those asked for and found) and members by group.

    unanswered: what the broker did not answer, and what it said.
    """

    topics: Mapping[str, TopicState]
    groups: Mapping[str, tuple[MemberState, ...]] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)
    imitation: bool = False
