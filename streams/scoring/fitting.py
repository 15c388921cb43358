"""Does the state that was found fit the topics that are there? Pure: values in, a misfit out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.engine.state import PartitionState
from models.spec import Spec
from streams.topics.cluster import TopicState

REBUILD = (
    "Start once with `ebbline worker --rebuild`: it erases this state and computes it again from "
    "what the topics hold. Or use another app name"
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why state and topics do not belong together, and whether --rebuild cures it."""

    message: str
    curable: bool = True


def misfit(
    spec: Spec,
    number: int,
    state: PartitionState,
    topics: Mapping[str, TopicState],
    ends: Mapping[tuple[str, int], int],
) -> Misfit | None:
    """What is wrong with the state of partition ``number``, None when it fits.

    ends: offset behind the last record of each of its topic partitions.
    """
    anew = [
        topics[source.input_topic]
        for source, seen in zip(spec.sources, state.sources, strict=True)
        if seen.applied >= 0 and _another(seen.topic_id, topics[source.input_topic].topic_id)
    ]
    if len(anew) < len(spec.sources) and (wrong := repartitioned(spec, state, topics)) is not None:
        return wrong
    for topic in anew:
        return Misfit(
            f"topic {topic.name} was deleted and created again (its id is {topic.topic_id} now): "
            f"the offsets applied in partition {number} are those of the old one. {REBUILD}"
        )
    for source, seen in zip(spec.sources, state.sources, strict=True):
        end = ends[source.input_topic, number]
        if seen.applied >= end:
            return Misfit(
                f"offset {seen.applied} of topic {source.input_topic} partition {number} was "
                f"applied, but the topic ends at {end}: it was emptied or made again, or the "
                f"cluster lost records. {REBUILD}"
            )
    return None


def _another(noted: str, told: str) -> bool:
    return bool(noted and told and noted != told)


def repartitioned(
    spec: Spec, state: PartitionState, topics: Mapping[str, TopicState]
) -> Misfit | None:
    """The misfit of a state whose topics had another number of partitions."""
    counts = {topics[source.input_topic].partitions for source in spec.sources}
    if not state.partitions or counts == {state.partitions}:
        return None
    now = ", ".join(map(str, sorted(counts)))
    return Misfit(
        f"the input topics had {state.partitions} partitions, now {now}: users' new records come "
        "to other partitions than their old ones. Create new topics with the number you want, "
        "publish everything there, and use another app name",
        curable=False,
    )


def adopt(spec: Spec, state: PartitionState, topics: Mapping[str, TopicState]) -> None:
    """Note in the state which topics its offsets are of."""
    for source, seen in zip(spec.sources, state.sources, strict=True):
        seen.topic_id = topics[source.input_topic].topic_id
    state.partitions = topics[spec.sources[0].input_topic].partitions
