"""Scores that were told without a source are renewed when its data has landed, and nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import sweeps
from models.features.plan import lifetime
from models.spec import HealthSpec, OnEventSpec, ScheduleSpec, Spec
from models.staleness import evidence
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.portrait import portrait
from tests.models.engine.renewing_oracle import RenewingOracle
from tests.models.engine.story import (
    EAGER,
    EVENTS_ONLY,
    SPEC,
    Item,
    S,
    at,
    beat,
    event,
    micros,
    topics,
)
from tests.models.engine.test_against_oracle import readable, same


def renewing(spec: Spec, at_most: int = 1000, every: int = 4) -> Spec:
    scoring = replace(spec.scoring, renew=True, renew_at_most=at_most)
    return replace(spec, scoring=scoring, health=HealthSpec(every * S))


SPECS = {"scheduled": SPEC, "eager": EAGER, "events-only": EVENTS_ONLY}
of_specs = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def renewals(worker: Worker) -> list[dict[str, Any]]:
    found = [s for s in worker.scores().values() if s["cause"].startswith("renewal:")]
    assert all(score["supersedes"] for score in found)
    return sorted(found, key=lambda s: (s["time"], s["user"]))


def told(worker: Worker) -> list[tuple[float, str, str]]:
    """When, who, why."""
    return [(_seconds(s), s["user"], s["cause"].split(":")[1]) for s in renewals(worker)]


def _seconds(score: dict[str, Any]) -> float:
    time = micros(score["time"])
    assert time is not None
    return (time - at(0)) / S


# --- properties ------------------------------------------------------------------------------


@of_specs
@examples(15)
@given(histories())
def test_who_is_renewed_is_as_recomputed_from_scratch(spec: Spec, items: list[Item]) -> None:
    spec = renewing(spec)
    oracle = RenewingOracle(spec, lifetime=lifetime(spec)).run(items)
    with mock.patch.object(evidence, "_LANDING", 2.0):
        worker = Worker(spec, topics(spec, items)).run()
    scores = worker.scores().items()
    found = {i: {**readable(s), "supersedes": s["supersedes"]} for i, s in scores}
    assert {i: (s["time"], s["user"], s["cause"], s["supersedes"]) for i, s in found.items()} == {
        i: (s["time"], s["user"], s["cause"], s["supersedes"]) for i, s in oracle.scores.items()
    }
    for identity, score in found.items():
        assert same(score, oracle.scores[identity]), (score, oracle.scores[identity])


@pytest.mark.slow
@of_specs
@examples(6)
@given(histories(), st.integers(1, 3))
def test_renewing_adds_scores_and_changes_nothing_else(
    spec: Spec, items: list[Item], at_most: int
) -> None:
    spec = renewing(spec, at_most)
    without = replace(spec, scoring=replace(spec.scoring, renew=False))
    one, other = (Worker(s, topics(s, items)).run() for s in (spec, without))
    added = {score["id"] for score in renewals(one)}
    assert {i: s for i, s in one.scores().items() if i not in added} == other.scores()
    assert one.examples() == other.examples()
    assert one.letters() == other.letters()


@pytest.mark.slow
@of_specs
@examples(6)
@given(histories(), st.integers(1, 3))
def test_only_the_newest_score_is_renewed_and_within_its_horizon(
    spec: Spec, items: list[Item], at_most: int
) -> None:
    spec = renewing(spec, at_most)
    worker = Worker(spec, topics(spec, items)).run()
    by_id = worker.scores()
    for score in renewals(worker):
        old, source = by_id[score["supersedes"]], score["cause"].split(":")[1].split("+")
        assert old["user"] == score["user"]
        assert 0 < _seconds(score) - _seconds(old) < spec.labels.horizon / S
        between = [s for s in by_id.values() if s["user"] == old["user"] and s["id"] != old["id"]]
        assert not [s for s in between if old["time"] < s["time"] < score["time"]]
        for name in source:
            assert old["sources"][name]["health"] != "fresh"
            assert score["sources"][name]["health"] == "fresh"
    superseded = [score["supersedes"] for score in renewals(worker)]
    assert len(superseded) == len(set(superseded))


@pytest.mark.slow
@of_specs
@examples(10)
@given(histories(), st.integers(0, 2**32), st.integers(1, 3), st.sampled_from([0.0, 0.3]))
def test_pieces_restarts_and_crashes_change_nothing(
    spec: Spec, items: list[Item], seed: int, at_most: int, crash: float
) -> None:
    spec = renewing(spec, at_most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "SLICE", 2)
        whole = Worker(spec, topics(spec, items)).run()
        pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(seed), crash=crash)
    assert whole.scores() == pieces.scores()
    assert whole.examples() == pieces.examples()
    assert portrait(whole) == portrait(pieces)


# --- stories ---------------------------------------------------------------------------------

USERS = "abcdef"
OUTAGE: list[Item] = [
    *(event("usage", 1 + i / 10, user, 1 + i / 10) for i, user in enumerate(USERS)),
    *(beat("billing", t) for t in range(5, 36, 5)),
    # usage is away until 44; scored without it at 20 and 40; then the backlog lands
    *(event("usage", 44 + i / 10, user, 30 + 2 * i, n=3) for i, user in enumerate(USERS)),
    event("usage", 44.9, "a", 44.5),
    beat("billing", 45),
    *(event("usage", t, "a", t - 0.5) for t in (48, 51, 54, 57)),
    beat("billing", 59),
]
DAILY = renewing(SPEC, every=5)
"""Cuts at 20, 40, 60; checks at 45, 50, 55."""
ONCE = replace(SPEC, labels=replace(SPEC.labels, horizon=400 * S))
ONCE = replace(ONCE, scoring=replace(SPEC.scoring, schedule=ScheduleSpec(400 * S, at(40))))
"""One cut, at 40."""


def later(*items: Item) -> list[Item]:
    return sorted([*OUTAGE, *items], key=lambda item: item.stamp)


def lived(items: list[Item], spec: Spec = DAILY) -> Worker:
    return Worker(spec, topics(spec, items)).run()


def test_a_backlog_lands_and_everyone_is_renewed_once() -> None:
    worker = lived(OUTAGE)
    assert told(worker) == [(50, user, "usage") for user in USERS]
    cut = {s["user"]: s["id"] for s in worker.scores().values() if _seconds(s) == 40}
    assert {s["user"]: s["supersedes"] for s in renewals(worker)} == cut


def test_who_was_scored_since_is_not_renewed() -> None:
    scoring = replace(DAILY.scoring, on_event=OnEventSpec(S, ("billing",)))
    worker = lived(later(event("billing", 46.5, "c", 46.5)), replace(DAILY, scoring=scoring))
    since = [s for s in worker.scores().values() if s["cause"].startswith("event:")]
    assert [s["user"] for s in since] == ["c"]
    assert since[0]["sources"]["usage"]["health"] == "fresh"
    assert [user for _, user, _ in told(worker)] == list("abdef")


def test_who_has_left_meanwhile_is_not_renewed() -> None:
    worker = lived(later(event("outcomes", 46.2, "b", 45, kind="churn")))
    assert [user for _, user, _ in told(worker)] == list("acdef")


def test_who_comes_in_with_the_backlog_was_not_scored_without_it() -> None:
    worker = lived(later(event("usage", 45, "new", 12)))
    assert [user for _, user, _ in told(worker)] == list(USERS)


def test_a_cut_comes_first() -> None:
    """With a check at every cut there is nothing to renew: all have been scored at the cut."""
    assert told(lived(later(beat("billing", 99)), renewing(SPEC, every=20))) == []


@pytest.mark.parametrize("at_most", [1, 2, 4, 6, 7])
def test_a_round_is_divided_between_checks(at_most: int) -> None:
    worker = lived(OUTAGE, renewing(ONCE, at_most, every=1))
    found = told(worker)
    assert [user for _, user, _ in found] == list(USERS)
    first = found[0][0]
    assert [time for time, _, _ in found] == [first + i // at_most for i in range(6)]
    assert worker.engine.state.renewal.round == []


def test_a_source_that_fails_again_is_waited_for() -> None:
    """The round breaks off; who has not been renewed is when it has come back once more."""
    beats = [beat("billing", t) for t in range(60, 300, 10)]
    back = [event("usage", t, "a", t - 1) for t in range(200, 290, 4)]
    found = told(lived(later(*beats, *back), renewing(ONCE, 2, every=10)))
    assert [user for _, user, _ in found] == list(USERS)
    times = [time for time, _, _ in found]
    assert {time for time in times if time < 100} <= {60, 70}
    assert {time for time in times if time > 100} <= {220, 230, 240}
    assert 0 < sum(time < 100 for time in times) < len(USERS)


def test_old_data_that_is_still_landing_is_waited_for() -> None:
    """The newest came first: the watermark is there, but the backlog is not."""
    newest_first = [
        *(item for item in OUTAGE if item.stamp < at(42)),
        event("usage", 42, "f", 41.5),
        *(event("usage", 43 + i, USERS[i % 6], 24 - i) for i in range(14)),
        *(event("usage", t + 0.5, "a", t) for t in range(42, 70, 2)),
        beat("billing", 70),
    ]
    spec = renewing(ONCE, every=3)
    found = told(lived(sorted(newest_first, key=lambda item: item.stamp), spec))
    assert {user for _, user, _ in found} == set(USERS)
    assert min(time for time, _, _ in found) > 53


def test_a_renewal_that_is_without_another_source_may_be_renewed_again() -> None:
    items = [item for item in OUTAGE if not item.beat]
    beats = [beat("billing", t) for t in (2, 49, 59)]
    worker = lived(sorted([*items, *beats], key=lambda i: i.stamp), renewing(SPEC, every=2))
    causes = [cause for _, user, cause in told(worker) if user == "b"]
    assert causes == ["usage", "billing"]
    first, second = (s for s in renewals(worker) if s["user"] == "b")
    assert second["supersedes"] == first["id"]


def test_live_a_check_that_is_long_past_renews_nothing() -> None:
    live = replace(DAILY, clock="live", scoring=replace(DAILY.scoring, max_catch_up=10**9))
    behind = Worker(live, topics(live, OUTAGE)).run()
    assert told(behind) == []
    assert behind.engine.state.renewal.round == [0]
    present = Worker(live, topics(live, OUTAGE), now=at(59.5)).run()
    assert [user for _, user, _ in told(present)] == list(USERS)


def test_nothing_is_noted_where_nothing_is_renewed() -> None:
    worker = lived(OUTAGE, replace(DAILY, scoring=replace(DAILY.scoring, renew=False)))
    assert len(worker.engine.slab.renewable) == 0
    assert worker.engine.state.renewal.owed == []
    assert told(worker) == []
