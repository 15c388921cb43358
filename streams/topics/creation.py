"""What ``ebbline topics create`` has to do: a comparison of plan and cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from streams.config import Config
from streams.topics.cluster import TopicState
from streams.topics.plan import DEFAULT_PARTITIONS, TopicPlan, plan_topics


@dataclass(frozen=True, slots=True)
class Creation:
    """Topics that exist, those to be made, where existing ones differ from the plan.

    conflict: why nothing may be made before a person has decided, None if there is no reason.
    """

    existing: tuple[TopicState, ...]
    missing: tuple[TopicPlan, ...]
    disagreements: tuple[str, ...]
    conflict: str | None = None


def decide(
    config: Config,
    existing: Mapping[str, TopicState],
    partitions: int | None,
    *,
    history: bool | None = None,
) -> Creation:
    """Compare. Without a number of partitions the inputs that exist give it."""
    inputs = [existing[name] for name in config.input_topics if name in existing]
    counts = {state.partitions for state in inputs}
    count = partitions or (min(counts) if counts else DEFAULT_PARTITIONS)
    plans = [
        _kept_as_long(config, p, existing) for p in plan_topics(config, count, history=history)
    ]
    return Creation(
        existing=tuple(existing[p.name] for p in plans if p.name in existing),
        missing=tuple(p for p in plans if p.name not in existing),
        disagreements=tuple(
            line for p in plans if p.name in existing for line in _differences(p, existing[p.name])
        ),
        conflict=_conflict(inputs, count),
    )


def _kept_as_long(config: Config, plan: TopicPlan, existing: Mapping[str, TopicState]) -> TopicPlan:
    """A topic of copies keeps them as long as the original: a copy is as old as its original."""
    original = next((s.topic for s in config.rekeyed if s.input_topic == plan.name), "")
    state = existing.get(original)
    if state is None or state.configs is None or plan.configs.get("retention.ms") == "-1":
        return plan
    keeps = int(state.config("retention.ms", "-1"))
    longest = -1 if keeps < 0 else max(keeps, int(plan.configs["retention.ms"]))
    return replace(plan, configs={**plan.configs, "retention.ms": str(longest)})


def _differences(plan: TopicPlan, state: TopicState) -> list[str]:
    lines = []
    if plan.role == "original":
        return []  # it is somebody else's, and may be as it is
    if plan.partitions != state.partitions:
        lines.append(f"{plan.name}: {state.partitions} partitions, planned {plan.partitions}")
    for key, value in plan.configs.items():
        if state.configs is not None and state.config(key) != value:
            lines.append(f"{plan.name}: {key}={state.config(key)}, planned {value}")
    return lines


def _conflict(inputs: list[TopicState], count: int) -> str | None:
    """Inputs that exist with another number of partitions than the new ones would get."""
    if all(state.partitions == count for state in inputs):
        return None
    listed = ", ".join(f"{state.name} {state.partitions}" for state in inputs)
    return (
        f"input topics must be co-partitioned, but exist with {listed} partitions and {count} are "
        "wanted; nothing was made. Leave --partitions out to follow the existing ones, or give "
        "those that differ a new topic."
    )
