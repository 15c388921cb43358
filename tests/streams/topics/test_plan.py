"""Which topics are planned, and that creating them is idempotent and never changes any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.config import Config, parse_config
from streams.topics.cluster import TopicState
from streams.topics.creation import decide
from streams.topics.plan import TopicPlan, plan_topics, reach

DAY = 86_400_000_000
TEXT = """
[app]
name = "shop"
clock = "{clock}"
[sources.usage]
topic = "ev.usage"
user = "u"
time = {{ path = "t", unit = "ms" }}
allowed_lateness = "2d"
out_of_orderness = "1d"
[sources.outcomes]
topic = "ev.outcomes"
user = "u"
time = {{ path = "t", unit = "ms" }}
outcome = {{ path = "kind", churn = ["gone"] }}
max_delay = "1h"
allowed_lateness = "0s"
[[features]]
name = "trend"
source = "usage"
agg = "trend"
window = "7d"
over = "28d"
[labels]
rule = "outcome"
horizon = "14d"
[learning]
complete_within = "1d"
[scores]
schedule = {{ every = "1d" }}
"""


def config(clock: str = "live") -> Config:
    return parse_config(TEXT.format(clock=clock))


def by_name(plans: tuple[TopicPlan, ...]) -> dict[str, TopicPlan]:
    return {plan.name: plan for plan in plans}


def states(plans: tuple[TopicPlan, ...]) -> dict[str, TopicState]:
    return {p.name: TopicState(p.name, p.partitions, dict(p.configs)) for p in plans}


def test_reach_is_the_longest_window_plus_horizon_plus_lateness() -> None:
    assert reach(config().spec) == (28 + 14 + 3) * DAY


def test_reach_covers_the_wait_for_slow_sources_and_inactivity() -> None:
    spec = config().spec
    slow = replace(spec, learning=replace(spec.learning, complete_within=10 * DAY))
    quiet = replace(spec, population=replace(spec.population, inactivity=90 * DAY))
    assert reach(slow) == (28 + 14 + 10) * DAY
    assert reach(quiet) == (90 + 14 + 3) * DAY


def test_inputs_scores_and_letters_share_a_partition_count_and_the_rest_have_one() -> None:
    plans = by_name(plan_topics(config(), 7))
    following = {"ev.usage", "ev.outcomes", "churn.scores", "churn.deadletter"}
    assert {n for n, p in plans.items() if p.partitions == 7} == following
    assert {p.partitions for n, p in plans.items() if n not in following} == {1}
    assert plans["churn.models"].configs == {"cleanup.policy": "compact"}
    assert plans["churn.examples"].configs == {"retention.ms": "-1"}


@pytest.mark.parametrize(
    ("clock", "history", "kind"),
    [
        ("live", None, "LogAppendTime"),
        ("live", True, "CreateTime"),
        ("arrival", None, "CreateTime"),
        ("arrival", False, "LogAppendTime"),
    ],
)
def test_history_keeps_its_own_times_for_ever(clock: str, history: bool | None, kind: str) -> None:
    configs = by_name(plan_topics(config(clock), history=history))["ev.usage"].configs
    assert configs["message.timestamp.type"] == kind
    assert (configs["retention.ms"] == "-1") is (kind == "CreateTime")


def test_live_inputs_are_kept_longer_than_a_replay_reaches() -> None:
    configs = by_name(plan_topics(config()))["ev.usage"].configs
    assert int(configs["retention.ms"]) * 1_000 > reach(config().spec)


def test_creating_twice_makes_nothing_the_second_time() -> None:
    first = decide(config(), {}, 3)
    assert {p.partitions for p in first.missing} == {3, 1}
    second = decide(config(), states(first.missing), None)
    assert (second.missing, second.disagreements, second.conflict) == ((), (), None)


def test_new_topics_follow_the_inputs_that_exist() -> None:
    creation = decide(config(), {"ev.usage": TopicState("ev.usage", 12)}, None)
    assert {p.name: p.partitions for p in creation.missing}["ev.outcomes"] == 12
    assert creation.conflict is None


def test_inputs_with_another_partition_count_are_a_conflict() -> None:
    existing = {"ev.usage": TopicState("ev.usage", 12)}
    assert "ev.usage 12 partitions and 3" in (decide(config(), existing, 3).conflict or "")
    existing["ev.outcomes"] = TopicState("ev.outcomes", 4)
    assert decide(config(), existing, None).conflict is not None


def test_differing_settings_are_named_only_where_the_broker_tells_them() -> None:
    seen = {"churn.models": TopicState("churn.models", 1, {"cleanup.policy": "delete"})}
    assert decide(config(), seen, 2).disagreements == (
        "churn.models: cleanup.policy=delete, planned compact",
    )
    untold = {"churn.models": TopicState("churn.models", 1, None)}
    assert decide(config(), untold, 2).disagreements == ()


def rekeyed(clock: str = "live") -> Config:
    text = TEXT.format(clock=clock)
    return parse_config(text.replace("[sources.usage]\n", "[sources.usage]\nrekey = true\n"))


def test_a_rekeyed_sources_copies_are_an_input_that_keeps_its_records_times() -> None:
    made = rekeyed()
    assert made.input_topics == ("shop.rekey.usage", "ev.outcomes")
    plans = by_name(plan_topics(made, 7))
    assert (plans["shop.rekey.usage"].role, plans["shop.rekey.usage"].partitions) == ("input", 7)
    assert plans["shop.rekey.usage"].configs["message.timestamp.type"] == "CreateTime"
    assert plans["ev.usage"].role == "original"


def test_a_topic_that_is_copied_may_be_as_it_is() -> None:
    seen = {"ev.usage": TopicState("ev.usage", 12, {"retention.ms": "-1"})}
    creation = decide(rekeyed(), seen, 3)
    assert (creation.conflict, creation.disagreements) == (None, ())
    copies = by_name(creation.missing)["shop.rekey.usage"]
    assert copies.partitions == 3
    assert copies.configs["retention.ms"] == "-1"  # as long as the original


def test_rekeying_does_not_change_the_feature_set() -> None:
    assert rekeyed().spec.feature_set == config().spec.feature_set
