"""The oracle outside the system: what must be, computed from the input topics alone.

Records are read back from the broker, put into the order of their timestamps, and lived through
one by one by the engine's naive oracle, which shares no code with what it judges. What broken
records there are is decided here again, with the standard library's parser.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.features.plan import lifetime
from models.spec import SourceSpec, Spec
from tests.faults.topics import HEARTBEAT, read
from tests.models.engine.oracle import Oracle, User
from tests.models.engine.story import Item
from tests.models.engine.wanted import features

DAY = 86_400_000_000
PRIOR = 0.1


@dataclass(frozen=True, slots=True)
class Fixed:
    """No trainer runs: the prior is all there is."""

    version: int = 0
    valid_from: None = None

    def in_force(self, _: int) -> Fixed:
        return self


class TopicOracle(Oracle):
    """The engine's oracle, for records as they lie on a topic."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.models: Any = Fixed()

    def chance(self, vector: list[float], version: int) -> float:
        del vector, version
        return PRIOR

    def reason(self, source: SourceSpec, arrival: int, item: Item) -> str | None:
        if item.raw is not None:
            return fault_of(item.raw)
        return super().reason(source, arrival, item)


@dataclass(frozen=True, slots=True)
class Truth:
    """What must be, for each partition number."""

    spec: Spec
    oracles: list[TopicOracle]

    @property
    def scores(self) -> dict[str, dict[str, Any]]:
        """Every score by its id."""
        return {identity: s for oracle in self.oracles for identity, s in oracle.scores.items()}

    @property
    def examples(self) -> dict[str, dict[str, Any]]:
        """Every matured example by its id."""
        return {identity: e for oracle in self.oracles for identity, e in oracle.examples.items()}

    @property
    def letters(self) -> dict[str, str]:
        """Every bad record by topic-partition-offset, with the reason."""
        return {
            f"{self.spec.sources[self.spec.source_index(name)].topic}-{number}-{offset}": reason
            for number, oracle in enumerate(self.oracles)
            for (name, offset), reason in oracle.letters.items()
        }

    @property
    def users(self) -> dict[str, User]:
        """Every user that is remembered."""
        return {name: user for oracle in self.oracles for name, user in oracle.users.items()}

    def moments(self) -> list[int]:
        """As-of times at which state is compared: the grid around the newest events."""
        newest = max(
            e.time for user in self.users.values() for events in user.events for e in events
        )
        last = newest // DAY * DAY + DAY
        return [last - back * DAY for back in range(5)]

    def vector(self, user: User, at: int) -> list[float]:
        """The user's features as of one time for all sources."""
        return features(self.spec, user, at, [at] * len(self.spec.sources))[0]


def truth_of(servers: str, spec: Spec) -> Truth:
    """Read a deployment's input topics, and live through them."""
    return truth_from(spec, read(servers, [source.topic for source in spec.sources]))


def truth_from(spec: Spec, records: dict[str, list[Any]]) -> Truth:
    """Live through the records of the input topics."""
    partitions = 1 + max(r.partition for found in records.values() for r in found)
    oracles = []
    for number in range(partitions):
        oracle = TopicOracle(spec, number, partitions, lifetime=lifetime(spec))
        oracle.run(_items(spec, records, number))
        oracles.append(oracle)
    return Truth(spec, oracles)


def _items(spec: Spec, records: dict[str, list[Any]], number: int) -> Sequence[Item]:
    return [
        item_of(source, record)
        for source in spec.sources
        for record in records[source.topic]
        if record.partition == number
    ]


def item_of(source: SourceSpec, record: Any) -> Item:
    """A record of a topic in the oracle's words."""
    stamp, value = record.timestamp * 1000, record.value or b""
    if fault_of(value) is not None:
        return Item(source.name, stamp, raw=value)
    content = json.loads(value)
    if any(name == HEARTBEAT for name, _ in record.headers):
        return Item(source.name, stamp, None, content["at"], beat=True)
    return Item(
        source.name,
        stamp,
        content["user"],
        content["at"],
        content.get("id"),
        content.get("kind"),
        content.get("data", {}),
    )


def fault_of(value: bytes) -> str | None:
    """Why a value cannot be used, by the topic contract (docs/topics.md); None when it can."""
    if not value:
        return "tombstone"
    try:
        content = json.loads(value.decode())
    except UnicodeDecodeError:
        return "undecodable"
    except json.JSONDecodeError:
        return "not-json"
    if not isinstance(content, dict):
        return "not-an-object"
    return _fault_inside(content)


def _fault_inside(content: dict[str, Any]) -> str | None:
    if "at" in content and content.keys() <= {"at"}:
        return None  # a heartbeat
    if "user" not in content:
        return "missing-user"
    if content["user"] is None:
        return "null-user"
    if "at" not in content:
        return "missing-time"
    if not isinstance(content["at"], int):
        return "bad-time"
    number = content.get("data", {}).get("n")
    return "wrong-type" if isinstance(number, str) else None
