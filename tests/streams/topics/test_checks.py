"""Each check finds what is wrong, and only that; each problem has a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from streams.config import Config, parse_config
from streams.topics.checks import kafka_problems
from streams.topics.cluster import ClusterState, MemberState, Problem, TopicState
from streams.topics.plan import plan_topics
from streams.topics.preflight import PreflightError, require
from streams.topics.redis_checks import settings_problems

TEXT = """
[app]
name = "shop"
clock = "{clock}"
[sources.usage]
topic = "ev.usage"
user = "u"
time = {{ path = "t", unit = "ms" }}
[sources.outcomes]
topic = "ev.outcomes"
user = "u"
time = {{ path = "t", unit = "ms" }}
outcome = {{ path = "kind", churn = ["gone"] }}
max_delay = "1h"
[[features]]
name = "n"
source = "usage"
agg = "count"
window = "7d"
[labels]
rule = "outcome"
horizon = "14d"
[scores]
schedule = {{ every = "1d" }}
"""
INPUTS = frozenset({"ev.usage", "ev.outcomes"})
DAY_MS = 86_400_000


def config(clock: str = "live") -> Config:
    return parse_config(TEXT.format(clock=clock))


def cluster(made: Config, **groups: tuple[MemberState, ...]) -> ClusterState:
    """A cluster just as it was planned."""
    topics = {p.name: TopicState(p.name, p.partitions, p.configs) for p in plan_topics(made)}
    return ClusterState(topics, groups)


def changed(
    seen: ClusterState, name: str, partitions: int | None = None, **configs: str
) -> ClusterState:
    before = seen.topics[name]
    settings = {**(before.configs or {}), **{k.replace("_", "."): v for k, v in configs.items()}}
    after = TopicState(name, partitions or before.partitions, settings)
    return replace(seen, topics={**seen.topics, name: after})


def found(made: Config, seen: ClusterState) -> list[Problem]:
    return kafka_problems(made, seen, {"shop": INPUTS})


def kinds(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(p.severity, p.subject) for p in problems]


@pytest.mark.parametrize("clock", ["live", "arrival"])
def test_a_cluster_as_planned_has_no_problems(clock: str) -> None:
    made = config(clock)
    assert found(made, cluster(made, shop=(MemberState("c", "h", INPUTS),))) == []


def test_every_missing_topic_is_named_with_the_command() -> None:
    problems = found(config(), ClusterState({}))
    assert len(problems) == 8
    assert {p.remedy for p in problems} == {"Run: ebbline topics create."}


def test_inputs_must_be_co_partitioned_and_scores_should_be() -> None:
    made = config()
    assert kinds(found(made, changed(cluster(made), "ev.usage", 5))) == [
        ("error", "input topics"),
        ("warning", "topic churn.scores"),
    ]
    assert kinds(found(made, changed(cluster(made), "churn.scores", 5))) == [
        ("warning", "topic churn.scores")
    ]


@pytest.mark.parametrize(("clock", "severity"), [("live", "warning"), ("arrival", "error")])
def test_retention_must_reach_as_far_as_a_replay(clock: str, severity: str) -> None:
    made = config(clock)
    reach_days = 7 + 14 + 7  # window, horizon, and what an example waits
    short = changed(cluster(made), "ev.usage", retention_ms=str(reach_days * DAY_MS - 1))
    exact = changed(cluster(made), "ev.usage", retention_ms=str(reach_days * DAY_MS))
    assert kinds(found(made, short)) == [(severity, "topic ev.usage")]
    assert found(made, exact) == []


def test_deletion_by_size_and_compaction_of_events_are_found() -> None:
    made = config()
    sized = changed(cluster(made), "ev.usage", retention_bytes="1000")
    compacted = changed(cluster(made), "ev.usage", cleanup_policy="compact")
    assert kinds(found(made, sized)) == [("warning", "topic ev.usage")]
    assert kinds(found(made, compacted)) == [("error", "topic ev.usage")]


@pytest.mark.parametrize(
    ("clock", "wrong", "right"),
    [("live", "CreateTime", "LogAppendTime"), ("arrival", "LogAppendTime", "CreateTime")],
)
def test_the_timestamps_that_do_not_suit_the_clock_are_named(
    clock: str, wrong: str, right: str
) -> None:
    made = config(clock)
    assert found(made, changed(cluster(made), "ev.usage", message_timestamp_type=right)) == []
    [problem] = found(made, changed(cluster(made), "ev.usage", message_timestamp_type=wrong))
    assert (problem.severity, problem.subject) == ("warning", "topic ev.usage")
    assert right in problem.remedy


def test_models_compacted_and_examples_whole_and_single() -> None:
    made = config()
    seen = changed(cluster(made), "churn.models", cleanup_policy="delete")
    seen = changed(seen, "churn.examples", 2, retention_ms="1000")
    assert kinds(found(made, seen)) == [
        ("error", "topic churn.examples"),
        ("error", "topic churn.models"),
        ("warning", "topic churn.examples"),
    ]


@pytest.mark.parametrize(
    ("members", "problems"),
    [
        ([INPUTS, INPUTS], []),
        ([INPUTS, frozenset({"ev.usage"})], ["error"]),
        ([INPUTS | {"more"}, INPUTS | {"more"}], ["error", "error"]),
        ([None], ["warning"]),
    ],
)
def test_members_with_another_subscription_are_refused(
    members: list[frozenset[str] | None], problems: list[str]
) -> None:
    made = config()
    states = tuple(MemberState(f"c{i}", "h", topics) for i, topics in enumerate(members))
    assert [p.severity for p in found(made, cluster(made, shop=states))] == problems


def test_members_are_compared_with_each_other_where_nothing_is_expected() -> None:
    made = config()
    members = (MemberState("a", "h", INPUTS), MemberState("b", "h", frozenset({"x"})))
    problems = kafka_problems(made, cluster(made, other=members), {})
    assert [("b" in p.message, p.severity) for p in problems] == [(True, "error")]


def test_what_the_broker_does_not_answer_is_skipped_aloud() -> None:
    made = config()
    untold: Mapping[str, TopicState] = {
        name: replace(state, configs=None) for name, state in cluster(made).topics.items()
    }
    seen = ClusterState(untold, {}, {"configs": "timed out"}, imitation=True)
    problems = found(made, seen)
    assert kinds(problems) == [("skipped", "kafka")]
    assert "in-memory cluster" in problems[0].message


def test_require_raises_on_errors_only() -> None:
    warning = Problem("warning", "s", "m", "r")
    require([warning])
    with pytest.raises(PreflightError, match=r"error: s: m r") as caught:
        require([warning, Problem("error", "s", "m", "r")])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("policy", "persistent", "severities"),
    [
        ("noeviction", True, []),
        ("allkeys-lru", True, ["warning"]),
        ("noeviction", False, ["warning"]),
        ("noeviction", None, ["skipped"]),
        (None, None, ["skipped"]),
    ],
)
def test_redis_must_neither_evict_nor_forget(
    policy: str | None, persistent: bool | None, severities: list[str]
) -> None:
    assert [p.severity for p in settings_problems(policy, persistent)] == severities


def rekeyed(clock: str = "live") -> Config:
    text = TEXT.format(clock=clock)
    return parse_config(text.replace("[sources.usage]\n", "[sources.usage]\nrekey = true\n"))


def test_a_topic_that_is_copied_may_have_any_number_of_partitions() -> None:
    made = rekeyed()
    assert found(made, changed(cluster(made), "ev.usage", 17)) == []
    assert kinds(found(made, changed(cluster(made), "shop.rekey.usage", 17)))[0] == (
        "error",
        "input topics",
    )


def test_copies_keep_their_times_are_kept_as_long_and_have_room() -> None:
    made = rekeyed()
    seen = cluster(made)
    copies = "shop.rekey.usage"
    stamped = changed(seen, copies, message_timestamp_type="LogAppendTime")
    assert kinds(found(made, stamped)) == [("error", f"topic {copies}")]
    for_ever = changed(seen, "ev.usage", retention_ms="-1")
    assert kinds(found(made, for_ever)) == [("warning", f"topic {copies}")]
    large = changed(seen, "ev.usage", max_message_bytes=str(10**9))
    assert kinds(found(made, large)) == [("warning", f"topic {copies}")]


def test_advice_on_broker_time_is_for_the_original() -> None:
    made = rekeyed()
    created = changed(cluster(made), "ev.usage", message_timestamp_type="CreateTime")
    assert kinds(found(made, created)) == [("warning", "topic ev.usage")]
