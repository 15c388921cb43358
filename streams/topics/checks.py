"""Is the cluster as the configuration needs it? Pure: values in, problems out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from streams.config import Config
from streams.topics.cluster import ClusterState, MemberState, Problem, Severity, TopicState
from streams.topics.plan import plan_topics, reach_ms

DAY_MS = 86_400_000
CREATE = "Run: ebbline topics create."


def kafka_problems(
    config: Config, seen: ClusterState, subscriptions: Mapping[str, frozenset[str]]
) -> list[Problem]:
    """Everything wrong with topics and groups. subscriptions: what each group must subscribe to."""
    return [
        *_missing(config, seen),
        *_copartitioned(config, seen),
        *_settings(config, seen),
        *_copies(config, seen),
        *_groups(seen, subscriptions),
        *_skipped(seen),
    ]


def _missing(config: Config, seen: ClusterState) -> Iterator[Problem]:
    for plan in plan_topics(config):
        if plan.name not in seen.topics:
            yield Problem("error", f"topic {plan.name}", "does not exist.", CREATE)


def _present(names: Iterable[str], seen: ClusterState) -> list[TopicState]:
    return [seen.topics[name] for name in names if name in seen.topics]


def _copartitioned(config: Config, seen: ClusterState) -> Iterator[Problem]:
    """A user's records must have one partition number in all inputs: one worker sees them all."""
    inputs = _present(config.input_topics, seen)
    if len({t.partitions for t in inputs}) > 1:
        listed = ", ".join(f"{t.name} {t.partitions}" for t in inputs)
        yield Problem(
            "error",
            "input topics",
            f"have different numbers of partitions ({listed}), so a user's events would be spread "
            "over several workers.",
            "Make them equal: create a new topic with the right number, republish (adding "
            "partitions to one that holds records moves its users).",
        )
    scores = seen.topics.get(config.topics.scores)
    if inputs and scores and scores.partitions != inputs[0].partitions:
        yield Problem(
            "warning",
            f"topic {scores.name}",
            f"has {scores.partitions} partitions, the inputs have {inputs[0].partitions}: scores "
            "are not co-partitioned with events, which services that join the two would need.",
            "Create it anew with as many partitions as the inputs.",
        )


def _settings(config: Config, seen: ClusterState) -> Iterator[Problem]:
    for topic in _present(config.input_topics, seen):
        if topic.configs is not None:
            yield from _input_settings(config, topic)
    examples, models = config.topics.examples, config.topics.models
    for topic in _present([examples, models], seen):
        yield from _single_partition(topic)
    for topic in _present([models], seen):
        if topic.configs is not None and "compact" not in topic.config("cleanup.policy"):
            yield Problem(
                "error",
                f"topic {models}",
                f"has cleanup.policy={topic.config('cleanup.policy')}: the newest model would be "
                "deleted with age.",
                _alter(models, "cleanup.policy=compact"),
            )
    for topic in _present([examples], seen):
        if topic.configs is not None and _retention(topic) is not None:
            yield Problem(
                "warning",
                f"topic {examples}",
                f"keeps examples for {_days(_retention(topic))} only: older ones cannot be learned "
                "from again.",
                _alter(examples, "retention.ms=-1"),
            )


def _single_partition(topic: TopicState) -> Iterator[Problem]:
    if topic.partitions != 1:
        yield Problem(
            "error",
            f"topic {topic.name}",
            f"has {topic.partitions} partitions; it must have 1, for the trainer reads it in one "
            "order.",
            "Delete it while it is empty and run: ebbline topics create; or name another one "
            "under [topics].",
        )


def _input_settings(config: Config, topic: TopicState) -> Iterator[Problem]:
    """Nothing an input still needs may be deleted, and its record timestamps should be arrival."""
    subject, history = f"topic {topic.name}", config.spec.clock == "arrival"
    if "compact" in topic.config("cleanup.policy"):
        yield Problem(
            "error",
            subject,
            "is compacted: of each user only the newest event would survive.",
            _alter(topic.name, "cleanup.policy=delete"),
        )
    yield from _retention_problems(config, topic, "error" if history else "warning")
    if topic.name not in {source.rekeyed_topic for source in config.rekeyed}:
        yield from _timestamp_problems(topic, history=history)


def _copies(config: Config, seen: ClusterState) -> Iterator[Problem]:
    """Topics that are copied, and the topics of their copies."""
    for source in config.rekeyed:
        original, copies = seen.topics.get(source.topic), seen.topics.get(source.input_topic)
        if original is not None and original.configs is not None:
            yield from _timestamp_problems(original, history=config.spec.clock == "arrival")
        if copies is not None and copies.configs is not None:
            yield from _copy_settings(original, copies)


def _copy_settings(original: TopicState | None, copies: TopicState) -> Iterator[Problem]:
    subject = f"topic {copies.name}"
    if copies.config("message.timestamp.type") == "LogAppendTime":
        yield Problem(
            "error",
            subject,
            "uses LogAppendTime: copies would get the time of copying as their arrival time.",
            _alter(copies.name, "message.timestamp.type=CreateTime"),
        )
    if original is None or original.configs is None:
        return
    kept, need = _retention(copies), _retention(original)
    if kept is not None and (need is None or kept < need):
        yield Problem(
            "warning",
            subject,
            f"keeps copies for {_days(kept)}, but {original.name} keeps the originals for "
            f"{_days(need)}: a copy is as old as its original, and the oldest ones would be "
            "deleted before they are read.",
            _alter(copies.name, f"retention.ms={-1 if need is None else need}"),
        )
    largest, taken = (int(t.config("max.message.bytes", "0")) for t in (original, copies))
    if taken < 2 * largest:
        yield Problem(
            "warning",
            subject,
            f"takes records of {taken} bytes; {original.name} takes {largest}, compressed, and "
            "copies are not: a large record would stop the copying.",
            _alter(copies.name, f"max.message.bytes={4 * largest}"),
        )


def _timestamp_problems(topic: TopicState, *, history: bool) -> Iterator[Problem]:
    """Record timestamps are the arrival times: of the broker when live, as published in history."""
    kind, subject = topic.config("message.timestamp.type"), f"topic {topic.name}"
    if not history and kind == "CreateTime":
        yield Problem(
            "warning",
            subject,
            "uses CreateTime: its record timestamps are the producers' clocks, which are not "
            "monotone and may be wrong; the arrival time is their running maximum.",
            "For live events prefer broker time: "
            + _alter(topic.name, "message.timestamp.type=LogAppendTime")
            + " Keep CreateTime where history was published (ebbline publish).",
        )
    if history and kind == "LogAppendTime":
        yield Problem(
            "warning",
            subject,
            "uses LogAppendTime: published history gets today's arrival times, and a replay of it "
            "is not what happened.",
            "For history: " + _alter(topic.name, "message.timestamp.type=CreateTime"),
        )


def _retention_problems(config: Config, topic: TopicState, severity: Severity) -> Iterator[Problem]:
    need, keeps = reach_ms(config.spec), _retention(topic)
    subject = f"topic {topic.name}"
    if keeps is not None and keeps < need:
        yield Problem(
            severity,
            subject,
            f"keeps records for {_days(keeps)}, but a replay reaches back {_days(need)} (longest "
            "window + horizon + lateness).",
            _alter(topic.name, f"retention.ms={-1 if severity == 'error' else need}"),
        )
    if topic.config("retention.bytes", "-1") != "-1":
        yield Problem(
            "warning",
            subject,
            f"deletes by size too (retention.bytes={topic.config('retention.bytes')}), so how far "
            "back a replay can reach is not known.",
            _alter(topic.name, "retention.bytes=-1"),
        )


def _retention(topic: TopicState) -> int | None:
    """Milliseconds that records are kept, None for ever (or not known)."""
    if "delete" not in topic.config("cleanup.policy", "delete"):
        return None
    kept = int(topic.config("retention.ms", "-1"))
    return None if kept < 0 else kept


def _days(ms: int | None) -> str:
    return "ever" if ms is None else f"{ms / DAY_MS:.3g} days"


def _alter(topic: str, setting: str) -> str:
    return f"kafka-configs --alter --topic {topic} --add-config {setting}."


def _groups(seen: ClusterState, subscriptions: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    """Only identical subscriptions are co-partitioned by Faust's assignor."""
    for group, members in seen.groups.items():
        expected = subscriptions.get(group)
        for member in members:
            if (problem := _member_problem(group, member, members[0], expected)) is not None:
                yield problem


def _member_problem(
    group: str, member: MemberState, first: MemberState, expected: frozenset[str] | None
) -> Problem | None:
    wanted = expected if expected is not None else first.topics
    who = f"member {member.client} on {member.host}"
    if member.topics is None:
        return Problem(
            "warning", f"group {group}", f"{who} does not say what it subscribes to.", ""
        )
    if wanted is None or member.topics == wanted:
        return None
    return Problem(
        "error",
        f"group {group}",
        f"{who} subscribes to {_names(member.topics)}, but this configuration to {_names(wanted)}; "
        "partitions of one number would not come to one worker.",
        "Stop that member, or give all of them the same configuration; another deployment needs "
        "another name under [app].",
    )


def _names(topics: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(topics)) + "}"


def _skipped(seen: ClusterState) -> Iterator[Problem]:
    what = {
        "configs": "retention, timestamp type and compaction were not checked",
        "groups": "subscriptions of the group's members were not checked",
    }
    cause = "librdkafka's in-memory cluster does not answer this" if seen.imitation else ""
    for key, reason in seen.unanswered.items():
        remedy = "" if seen.imitation else "Allow DESCRIBE and DESCRIBE_CONFIGS to this user."
        yield Problem("skipped", "kafka", f"{what[key]}: {cause or reason}.", remedy)
