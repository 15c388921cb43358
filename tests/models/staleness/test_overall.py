"""Partitions merged: the worst half counts, idle ones neither hold back nor are late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.staleness.overall import differs, overall
from models.staleness.sketch import Sketch
from schemas.scores import Health
from schemas.sources import Delays, Later, Missing, Silence, SourceOverall, SourceStatus
from tests.models.engine.histories import examples

NOW = "2026-03-01T12:00:00Z"


def part(
    number: int, health: Health = "fresh", mark: str | None = None, **more: Any
) -> SourceStatus:
    values: dict[str, Any] = {
        "app": "shop",
        "source": "usage",
        "topic": "t",
        "partition": number,
        "clock": NOW,
        "watermark": mark or "2026-03-01T11:59:00Z",
        "last_data": mark or "2026-03-01T11:59:00Z",
        "staleness_s": 60.0,
        "health": health,
        "events": 10,
        "heartbeats": 0,
        "late": 1,
        "duplicates": 0,
        "rejected": {"late": 1},
        "out_of_arrival_order": 0,
        "emitted_at": NOW,
        "evidence": f"because {health}",
        "stale_after_s": 7200.0,
    }
    return SourceStatus(**{**values, **more})


def merged(*parts: SourceStatus, before: SourceOverall | None = None) -> SourceOverall:
    return overall(parts, before, NOW)


@pytest.mark.parametrize(
    ("healths", "whole"),
    [
        (["fresh"] * 4, "fresh"),
        (["fresh", "fresh", "stalled"], "fresh"),
        (["fresh", "stalled"], "stalled"),
        (["stalled", "lagging", "fresh"], "lagging"),
        (["fresh", "fresh", "fresh", "corrupt"], "corrupt"),
        (["unknown", "unknown", "lagging"], "lagging"),
        (["unknown"], "unknown"),
    ],
)
def test_the_worst_that_half_of_those_with_data_have(healths: list[Health], whole: str) -> None:
    assert merged(*[part(i, health) for i, health in enumerate(healths)]).health == whole


def test_a_part_that_is_not_well_is_named_though_the_whole_is_fresh() -> None:
    found = merged(part(0), part(1), part(2, "stalled"))
    assert found.affected == [2]
    assert found.evidence == "1 of 3 partitions stalled: because stalled"


def test_partitions_are_counted_by_what_is_the_matter_with_them() -> None:
    late = [part(1, "lagging", staleness_s=9e5), part(2, "lagging")]
    found = merged(part(0), *late, part(3, "stalled"))
    assert found.evidence == "1 of 4 partitions stalled, 2 lagging: because stalled"
    found = merged(*late, part(3, "stalled"))
    assert found.evidence == "1 of 3 partitions stalled, 2 lagging: because stalled"
    assert merged(*late).evidence == "because lagging"


def test_an_idle_partition_does_not_hold_the_watermark_back() -> None:
    old = "2026-02-20T00:00:00Z"
    quiet = part(1, mark=old, staleness_s=800_000.0)
    found = merged(part(0), quiet, part(2, "unknown", staleness_s=None))
    assert found.watermark == "2026-03-01T11:59:00Z"
    assert found.idle == [1, 2]
    assert found.health == "fresh"
    assert found.staleness_s == 60.0


def test_a_late_one_does() -> None:
    late = part(1, "lagging", mark="2026-02-28T00:00:00Z", staleness_s=130_000.0)
    found = merged(part(0), late)
    assert (found.watermark, found.staleness_s) == ("2026-02-28T00:00:00Z", 130_000.0)


def test_a_partition_that_is_replayed_sooner_does_not_make_the_others_late() -> None:
    ahead = part(1, clock="2026-03-09T12:00:00Z", mark="2026-03-09T11:59:00Z")
    assert merged(part(0), ahead).staleness_s == 60.0


def test_where_all_are_quiet_the_source_is_behind_by_the_newest() -> None:
    quiet = [part(i, staleness_s=800_000.0 + i) for i in (1, 2)]
    assert merged(*quiet).staleness_s == 800_001.0


def test_a_partition_that_wakes_is_not_late_and_turns_nothing_back() -> None:
    asleep = part(1, mark="2026-02-20T00:00:00Z", staleness_s=800_000.0)
    before = merged(part(0), asleep)
    awake = part(1, mark="2026-03-01T11:30:00Z", staleness_s=1_800.0)
    after = merged(part(0), awake, before=before)
    assert after.health == "fresh"
    assert after.watermark == before.watermark


def test_what_comes_later_than_usual_is_told_of_the_partition_that_has_most() -> None:
    little, much = Later(0.1, 7_200.0, NOW), Later(0.3, 3_600.0, NOW)
    before = merged(part(0), part(1, staleness_s=90.0))
    after = merged(
        part(0, later=little, evidence="10 % late"),
        part(1, staleness_s=90.0),
        part(2, later=much, staleness_s=80.0, evidence="30 % late"),
    )
    assert (before.later, after.later) == (None, much)
    assert after.health == "fresh"
    assert after.evidence == "30 % late"
    assert differs(replace(before, later=little), before)
    assert not differs(replace(before, later=little), replace(before, later=much))


def silent(p: float, seconds: float = 7_200.0) -> Silence:
    return Silence(seconds=seconds, usual_s=600.0, p=p)


def test_partitions_that_one_job_feeds_are_silent_together_and_prove_no_more_than_one() -> None:
    one = merged(part(0, silence=silent(0.001)))
    assert (one.health, one.p) == ("fresh", pytest.approx(0.001))
    found = merged(*[part(i, silence=silent(0.001)) for i in range(16)])
    assert (found.health, found.p) == ("fresh", pytest.approx(0.002))


def test_silence_of_all_partitions_that_is_no_chance() -> None:
    found = merged(*[part(i, silence=silent(1e-8)) for i in range(8)])
    assert found.health == "stalled"
    assert found.evidence == "silent for 2h in all partitions together (p < 1e-7)"


def test_one_partition_that_is_dead_does_not_make_those_silent_that_speak() -> None:
    speaking = [part(i, silence=silent(1.0, 5.0)) for i in range(1, 8)]
    found = merged(part(0, "stalled", silence=silent(1e-200)), *speaking)
    assert found.health == "fresh"
    assert found.evidence == "1 of 8 partitions stalled: because stalled"


def test_chances_that_are_none_prove_nothing() -> None:
    silence = Silence(seconds=60.0, p=1.0)
    assert merged(*[part(i, silence=silence) for i in range(64)]).p == pytest.approx(1.0)


def test_since_when_it_is_so_and_what_is_worth_telling() -> None:
    first = merged(part(0, clock="2026-03-01T10:00:00Z"))
    same = merged(part(0, events=11), before=first)
    assert same.since == first.since == "2026-03-01T10:00:00Z"
    assert not differs(same, first)
    other = merged(part(0, "stalled"), before=same)
    assert other.since == NOW
    assert differs(other, same)
    assert differs(first, None)


def test_what_is_missing_and_who_says_nothing() -> None:
    gone = Missing("events", "kind = quiz", "2026-03-01T09:00:00Z")
    sooner = replace(gone, since="2026-03-01T08:00:00Z")
    found = merged(
        part(0, missing=[gone]), part(1, missing=[sooner], emitted_at="2026-03-01T11:00:00Z")
    )
    assert found.missing == [sooner]
    assert found.unreported == [1]


@examples(30)
@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=60), st.integers(1, 5))
def test_sketches_of_parts_add_up_to_the_sketch_of_everything(
    values: list[float], count: int
) -> None:
    whole, parts = Sketch(), [Sketch() for _ in range(count)]
    whole.add_many(np.array(values))
    for i, value in enumerate(values):
        parts[i % count].add(value)
    together = Sketch()
    for one in parts:
        together.merge(one)
    assert together == whole


@examples(30)
@given(st.lists(st.floats(1, 1e8), min_size=1, max_size=60), st.sampled_from([0.05, 0.5, 0.95]))
def test_a_quantile_is_right_to_a_bucket(values: list[float], share: float) -> None:
    sketch = Sketch()
    sketch.add_many(np.array(values))
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    found = sketch.quantile(share)
    assert found is not None
    assert exact / 1.0001 <= found <= exact * 2**0.25 * 1.0001


def test_delays_of_the_partitions_add_up() -> None:
    parts = [part(i, delays=Delays(buckets=[4 * i], weights=[10.0])) for i in (0, 1, 2)]
    assert merged(*parts).delay_p50_s == 2.0


def test_a_partition_without_any_event_does_not_speak_for_those_that_have_some() -> None:
    empty = part(0, last_data=None, staleness_s=90.0, evidence="no event has come yet")
    assert merged(empty, part(1)).evidence == "because fresh"
    assert merged(empty, replace(empty, partition=1)).evidence == "no event has come yet"
