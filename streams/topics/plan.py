"""Which topics a configuration needs, with how many partitions and which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.spec import Spec
from streams.config import Config, TopicNames

DEFAULT_PARTITIONS = 4
DAY_MS = 86_400_000
COPY_BYTES = 8 * 1024 * 1024
"""Room for one record, which is copied uncompressed."""
FOREVER = {"retention.ms": "-1"}
HISTORY = {**FOREVER, "message.timestamp.type": "CreateTime"}
"""Topics that hold history keep the arrival time that was published with each record, for ever:
a broker that deletes by age would remove yesteryear's records minutes after they arrive."""

Role = Literal[
    "original", "input", "scores", "sources", "deadletter", "examples", "models", "drift"
]


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic as it should be. ``configs``: only what differs from the broker's own defaults."""

    name: str
    role: Role
    partitions: int
    configs: Mapping[str, str]


def reach(spec: Spec) -> int:
    """How far back a replay must read to rebuild every state, in µs.

    Longest window + horizon + how late an event may come (and how long an example waits).
    """
    windows = (max(f.window or 0, f.over or 0) for f in spec.features)
    late = (s.out_of_orderness + s.allowed_lateness + s.max_delay for s in spec.sources)
    waits = max(max(late, default=0), spec.learning.complete_within)
    memory = max(spec.population.inactivity or 0, spec.labels.within or 0)
    return max(max(windows, default=0), memory) + spec.labels.horizon + waits


def reach_ms(spec: Spec) -> int:
    """Milliseconds that a broker must keep input records; rounded up."""
    return -(-reach(spec) // 1_000)


def input_configs(spec: Spec, *, history: bool) -> dict[str, str]:
    """Settings of an input topic: for history, or for live events with room for a replay."""
    if history:
        return dict(HISTORY)
    keep = reach_ms(spec) + 7 * DAY_MS
    return {"retention.ms": str(keep), "message.timestamp.type": "LogAppendTime"}


def copy_configs(spec: Spec) -> dict[str, str]:
    """What is special about a topic of copies: records keep their times, and have more headers."""
    largest = max(source.mapping.max_bytes for source in spec.sources)
    return {
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": str(max(COPY_BYTES, 2 * largest)),
    }


def plan_topics(
    config: Config, partitions: int = DEFAULT_PARTITIONS, *, history: bool | None = None
) -> tuple[TopicPlan, ...]:
    """All topics of the configuration. ``partitions``: of the inputs and what follows them.

    history: whether inputs hold published history; by default what the clock implies.
    """
    past = config.spec.clock == "arrival" if history is None else history
    inputs = input_configs(config.spec, history=past)
    copies = {**inputs, **copy_configs(config.spec)}
    planned = [
        TopicPlan(s.input_topic, "input", partitions, copies if s.rekeyed_topic else inputs)
        for s in config.spec.sources
    ]
    originals = [TopicPlan(s.topic, "original", partitions, inputs) for s in config.rekeyed]
    return (*originals, *planned, *_own_topics(config.topics, partitions, FOREVER if past else {}))


def _own_topics(names: TopicNames, partitions: int, kept: Mapping[str, str]) -> list[TopicPlan]:
    """The topics that Ebbline writes; ``kept``: retention of what one can do without.

    Scores and dead letters follow the inputs, partition by partition. Examples have ONE
    partition (the trainer learns them in one order) and are kept: a model is rebuilt from them.
    """
    return [
        TopicPlan(names.scores, "scores", partitions, kept),
        TopicPlan(names.deadletter, "deadletter", partitions, FOREVER),
        TopicPlan(names.sources, "sources", 1, kept),
        TopicPlan(names.examples, "examples", 1, FOREVER),
        TopicPlan(names.models, "models", 1, {"cleanup.policy": "compact"}),
        TopicPlan(names.drift, "drift", 1, kept),
    ]
