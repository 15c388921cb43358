"""The quality section of a source: rules for records, learned tests."""

from __future__ import annotations

import pytest

from models.spec import QUALITY_TESTS, QualitySpec, RateSpec, SourceSpec
from schemas.mapping import FieldRule
from schemas.times import HOUR
from streams.config import ConfigError, parse_config
from streams.config.summary import summarize
from tests.streams.config.test_problems import BASE


def clicks(quality: str) -> SourceSpec:
    return parse_config(f"{BASE}\n[sources.clicks.quality]\n{quality}").spec.sources[0]


def test_without_it_every_learned_test_is_on_and_there_are_no_rules() -> None:
    source = parse_config(BASE).spec.sources[0]
    assert source.quality == QualitySpec(tests=QUALITY_TESTS)
    assert source.mapping.rules == ()


def test_all_of_it() -> None:
    source = clicks(
        'tests = ["nulls", "volume"]\nmin_samples = 100\nalarms_per_year = 0.5\nrecover = 3\n'
        'rules.n = { min = 0, max = 9.5, required = true }\nrules.page = { allowed = ["a", "b"] }'
    )
    assert source.quality == QualitySpec(("nulls", "volume"), 100, 0.5, 3)
    assert source.mapping.rules == (
        FieldRule("n", 0.0, 9.5, required=True),
        FieldRule("page", allowed=("a", "b")),
    )


def test_tests_can_be_switched_off() -> None:
    assert clicks("tests = []").quality.tests == ()


def test_what_is_no_matter_of_state_leaves_the_feature_set_alone() -> None:
    plain, ruled = parse_config(BASE).spec, parse_config(f"{BASE}\n[sources.clicks.quality]\n{ALL}")
    assert ruled.spec.feature_set == plain.feature_set


ALL = "tests = []\nrules.n = { min = 0 }"


@pytest.mark.parametrize(
    ("quality", "key", "words"),
    [
        ("rules.m = { min = 0 }", ".rules.m", 'has no field "m"'),
        ("rules.n = {}", ".rules.n", "says nothing"),
        ("rules.page = { min = 0 }", ".rules.page.min", "only numbers have a min"),
        ("rules.n = { min = 2, max = 1 }", ".rules.n.min", "every value would be wrong"),
        ('rules.n = { allowed = ["a"] }', ".rules.n.allowed", "'a' is no value of the field"),
        ("rules.paid = { allowed = 1 }", ".rules.paid.allowed", "1.0 is no value of the field"),
        ("rules.n = { mim = 1 }", ".rules.n.mim", "no such key"),
        ('tests = ["nulls", "null"]', ".tests[1]", '"null" is not known'),
        ("min_samples = 1", ".min_samples", "greater than or equal to 50"),
        ("alarms_per_year = 0", ".alarms_per_year", "greater than 0"),
    ],
)
def test_mistakes_are_named(quality: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        clicks(quality)
    (problem,) = caught.value.problems
    assert problem.key == f"sources.clicks.quality{key}"
    assert words in problem.wrong
    assert problem.remedy


def test_the_summary_says_what_is_asked() -> None:
    quality = '[sources.clicks.quality]\ntests = ["nulls"]\nrules.n = { min = 0 }'
    rows = dict(summarize(parse_config(f"{BASE}\n{quality}")).rows)
    assert rows["quality"] == f"clicks: 1 rule; nulls. outcomes: {', '.join(QUALITY_TESTS)}"


def test_rules_that_need_a_users_past() -> None:
    source = clicks('rules.n = { monotone = true }\nmax_rate = { events = 5, per = "1h" }')
    assert source.quality.monotone == ("n",)
    assert source.quality.max_rate == RateSpec(5, HOUR)
    assert source.mapping.rules == ()
