"""Policies in the engine: what they read, what the scores say, that a replay repeats it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import epochs, sweeps
from models.engine.completing import drawn_lag
from models.engine.weighing import Scored
from models.features.plan import reach
from models.features.remaining import Stretches
from models.features.vector import features
from models.spec import POLICIES, PolicySpec
from models.staleness.ages import rungs_of
from models.state.cuts import NOT_STALE, CutRecord, brought_up
from models.state.slab import Slab
from tests.models.engine.histories import examples, histories
from tests.models.engine.knowing import Knowing, with_policy, worker
from tests.models.engine.story import EAGER, GRID, SPEC, Item, S, at, beat, event, micros
from tests.models.engine.test_batches import alike

LEARNED = with_policy(SPEC, "learned")
SPECS = {
    "learned": LEARNED,
    "eager": with_policy(EAGER, "learned", billing="degrade"),
    "fixed": with_policy(SPEC, "consistent", usage="lag_trained", billing="nowcast"),
}

TWO = ("usage", "billing")


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(3)
@given(histories(), st.integers(0, 2**32))
def test_one_backlog_is_many_pieces_with_crashes(spec: Any, items: list[Item], seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "SLICE", 2)
        patch.setattr(epochs, "SLICE", 2)
        whole = worker(spec, items).run()
        alike(whole, worker(spec, items).run_in_pieces(random.Random(seed), crash=0.2))


def history() -> list[Item]:
    """Usage is silent from 100 s on, billing lives; both come back at 400 s."""
    items = []
    for second in range(0, 420, 5):
        user = f"u{second % 3}"
        if second < 100 or second >= 400:
            items.append(event("usage", second, user, second, n=second % 7, k="quiz"))
        items.append(event("billing", second, user, second, n=second % 11, b=True))
        items.append(beat("billing", second))
    return items


@cache
def scores(spec: Any) -> list[dict[str, Any]]:
    """Of the history; the same whoever asks."""
    found = worker(spec, history()).run().scores().values()
    return sorted(found, key=lambda one: (one["time"], one["user"]))


def stale_ones(spec: Any) -> list[dict[str, Any]]:
    """Scores of 140 s to 380 s (but for those whose lag no model has): usage is stalled."""
    found = [one for one in scores(spec) if at(110) < (micros(one["time"]) or 0) < at(135)]
    assert found
    assert all(one["sources"]["usage"]["health"] == "stalled" for one in found)
    return found


def test_users_whose_sources_are_fresh_are_scored_as_ever() -> None:
    plain, weighed = scores(SPEC), scores(LEARNED)
    fresh = 0
    for one, other in zip(plain, weighed, strict=True):
        assert one.keys() == other.keys()
        states = {state["health"] for n, state in one["sources"].items() if n != "outcomes"}
        if states == {"fresh"}:
            fresh += 1
            assert one == {**other, "policy": "latest"}
            assert other["weights"] is None
        else:
            assert other["weights"] is not None
    assert fresh > 10


def test_fresh_users_cost_one_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("marginal", "expected"):
        monkeypatch.setattr(f"tests.models.engine.knowing.Knowing.{name}", None)
    items = [item for item in history() if item.stamp < at(95)]
    assert worker(LEARNED, items).run().scores()


def test_the_probability_is_the_policies_by_their_weights() -> None:
    seen: list[Scored] = []

    def watch(_: Slab, scored: Scored, __: Sequence[Stretches]) -> None:
        seen.append(scored)

    found = worker(LEARNED, history())
    found.engine.desk.observer = watch
    found.run()
    stale = [scored for scored in seen if scored.stale is not None]
    assert any(not np.isnan(scored.experts).any() for scored in stale), "all five spoke"
    for scored in stale:
        assert scored.stale is not None
        known = ~np.isnan(scored.experts)
        assert (known == ~np.isnan(scored.weights)).all()
        weights = np.where(known, scored.weights, 0.0)
        assert weights.sum(axis=1) == pytest.approx(1.0)
        mixed = (weights * np.where(known, scored.experts, 0.0)).sum(axis=1)
        assert scored.probability[scored.stale.index] == pytest.approx(mixed, rel=1e-12)


def test_each_policy_reads_its_own_as_of() -> None:
    def as_of(policy: str) -> list[dict[str, Any]]:
        found = stale_ones(with_policy(SPEC, policy))
        assert all(one["weights"] == {policy: 1.0} for one in found)
        return [
            {name: (micros(s["as_of"]), s["treatment"]) for name, s in one["sources"].items()}
            | {"T": micros(one["time"])}
            for one in found
        ]

    # usage is complete through 90 s (95 s - 5 s out of order), which is on the grid
    for one in as_of("latest"):
        assert one["usage"] == (at(90), "latest")
        assert one["billing"] == (one["T"], "current")
    for one in as_of("consistent"):
        assert one["usage"] == one["billing"] == (at(90), "consistent")
    for one in as_of("lag_trained"):
        assert one["usage"] == (one["T"] - 30 * S, "lag_trained")
        assert one["billing"] == (one["T"], "current")
    for one in as_of("degrade"):
        assert one["usage"] == (at(90), "masked")
    for one in as_of("nowcast"):
        assert one["usage"] == (at(90), "nowcast")


def test_policies_differ_and_a_source_may_have_its_own() -> None:
    every = {name: stale_ones(with_policy(SPEC, name)) for name in POLICIES}
    said = {name: [one["probability"] for one in found] for name, found in every.items()}
    assert len({tuple(values) for values in said.values()}) == len(POLICIES), said
    own = stale_ones(with_policy(SPEC, "learned", usage="degrade"))
    assert [one["probability"] for one in own] == said["degrade"]
    assert all(one["weights"] == {"degrade": 1.0} for one in own)
    assert all(one["sources"]["usage"]["treatment"] == "masked" for one in own)


def test_a_policy_that_cannot_say_anything_yet_is_latest() -> None:
    spec = with_policy(SPEC, "lag_trained")
    found = worker(spec, history())
    policies = found.models.policies  # type: ignore[attr-defined]
    found.models.policies = replace(policies, lagged=())  # type: ignore[attr-defined]
    late = [one for one in found.run().scores().values() if one["time"] == "2020-01-06T00:02:00Z"]
    expected = {s["id"]: s for s in stale_ones(with_policy(SPEC, "latest"))}
    assert late
    for one in late:
        assert one == {**expected[one["id"]], "policy": "lag_trained"}


@pytest.mark.parametrize("own", ["nowcast", "lag_trained", "degrade"])
def test_where_no_expert_says_anything_it_is_latest(own: str) -> None:
    """Billing's own policy has nothing to go by yet, and usage, which is weighed, is stale too."""
    items = [x for x in history() if x.source == "usage" or not at(105) < x.stamp < at(400)]

    def late(spec: Any) -> list[dict[str, Any]]:
        found = worker(spec, items)
        models = found.models
        if own == "degrade":
            models.in_force = lambda _: Knowing(0, None)  # type: ignore[assignment, method-assign]
        known = models.policies  # type: ignore[attr-defined]
        models.policies = replace(known, beliefs=None, lagged=())  # type: ignore[attr-defined]
        every = sorted(found.run().scores().values(), key=lambda s: (s["time"], s["user"]))
        both = [s for s in every if all(s["sources"][n]["health"] == "stalled" for n in TWO)]
        assert len(both) > 10
        return both

    spec = with_policy(SPEC, "learned", billing=own)
    for one, other in zip(late(spec), late(with_policy(SPEC, "latest")), strict=True):
        assert one["weights"] == {"latest": 1.0}
        assert one == {**other, "policy": "learned"}


def test_a_source_that_nothing_is_believed_of_does_not_silence_the_others() -> None:
    items = [x for x in history() if x.source == "usage" or not at(105) < x.stamp < at(400)]

    def said(spec: Any, *believed: str) -> list[float]:
        found = worker(spec, items)
        policies = found.models.policies  # type: ignore[attr-defined]
        lines = {key: line for key, line in policies.beliefs.lines.items() if key[0] in believed}
        beliefs = replace(policies.beliefs, lines=lines)
        found.models.policies = replace(policies, beliefs=beliefs)  # type: ignore[attr-defined]
        late = [s for s in found.run().scores().values() if at(150) < (micros(s["time"]) or 0)]
        both = [s for s in late if all(s["sources"][n]["health"] == "stalled" for n in TWO)]
        assert len(both) > 10
        return [s["probability"] for s in sorted(both, key=lambda s: (s["time"], s["user"]))]

    nowcast, latest = with_policy(SPEC, "nowcast"), with_policy(SPEC, "latest")
    assert said(nowcast, "usage") == said(with_policy(SPEC, "nowcast", billing="latest"), *TWO)
    assert said(nowcast, "usage") != said(nowcast, *TWO)
    assert said(nowcast) == said(latest)


def test_examples_carry_what_policies_are_learned_from() -> None:
    found = list(worker(LEARNED, history()).run().examples().values())
    late = [one for one in found if one["ages"]]
    assert late
    assert len(late) < len(found)
    assert all(set(one["ages"]) <= {"usage", "billing"} for one in found), (
        "outcomes have no features"
    )
    for one in found:
        assert (one["experts"] == {}) == (one["ages"] == {})
        if one["experts"]:
            low, high = min(one["experts"].values()), max(one["experts"].values())
            assert low - 1e-12 <= one["probability"] <= high + 1e-12
        lag, bucket = drawn_lag(LEARNED, one["user"], one["time"])
        assert one["paired"] == [lag, bucket]
        for source, as_of in one["complete_as_of"].items():
            if as_of == one["time"] and source != "outcomes":
                assert str(lag) in one["lagged"][source]
                assert str({"usage": 30 * S, "billing": 40 * S}[source]) in one["lagged"][source]
    assert any(one["complete_as_of"]["usage"] < one["time"] for one in late)


def test_lagged_features_are_those_of_the_same_function() -> None:
    found = worker(LEARNED, [item for item in history() if item.stamp < at(200)]).run()
    one = next(x for x in found.examples().values() if x["time"] == at(80))
    lag = one["paired"][0]
    values, _ = found.vector(one["user"], one["time"], [one["time"] - lag] * 3)
    for source in ("usage", "billing"):
        pairs = zip(SPEC.features, values, strict=True)
        known = {f.name: v for f, v in pairs if f.source == source and v == v}
        assert one["lagged"][source][str(lag)] == known


def test_windows_whose_panes_were_dropped_before_the_policy_changed_are_not_told() -> None:
    """Under ``latest`` panes are kept for less long than lags reach back."""
    moment, spec = at(500), replace(LEARNED, policy=PolicySpec("learned", longest_lag=200 * S))
    assert spec.feature_set == SPEC.feature_set, "state stays"
    items = [
        event(source, second, f"u{second % 12}", second, n=second % 7 + 1, k="quiz", b=True)
        for second in range(0, 720, 5)
        for source in TWO
    ]
    always = worker(spec, items).run().examples()
    changed = worker(spec, items)
    changed.store = worker(SPEC, [item for item in items if item.stamp < moment]).run().store
    changed.restart()
    told = left_out = 0
    for key, one in changed.run().examples().items():
        for source, by_lag in always[key]["lagged"].items():
            known = one["lagged"].get(source, {})
            assert known.items() <= by_lag.items()
            assert known == by_lag or one["time"] < moment + spec.longest_lag
            left_out += len(by_lag) - len(known)
            told += len(known)
    assert told > 100
    assert left_out > 10


def test_drawn_lags_cover_all_buckets_and_lie_in_them() -> None:
    bounds = rungs_of(LEARNED)
    drawn = [drawn_lag(LEARNED, f"u{n}", at(0)) for n in range(300)]
    assert {bucket for _, bucket in drawn} == set(bounds)
    for lag, bucket in drawn:
        below = max((b for b in bounds if b < bucket), default=0)
        assert below < lag <= bucket
        assert lag % GRID == 0


def test_rings_reach_back_as_far_as_lags_do() -> None:
    assert reach(LEARNED) - reach(SPEC) == LEARNED.longest_lag == 40 * S


def test_cuts_that_waited_before_policies_were_weighed_are_read() -> None:
    cut = CutRecord(3, 0.25, (1, 2, 3), b"abc", b"def", (0.5, float("nan")))
    packed = cut.pack()
    before = packed[: len(packed) - 5 * 8 - 3 * 8]
    found = CutRecord.unpack(brought_up(before, 3, 2))
    assert repr(found) == repr(CutRecord.unpack(packed))
    assert found.ages == (NOT_STALE,) * 3
    assert np.isnan(found.experts).all()
    assert brought_up(packed, 3, 2) == packed
    assert CutRecord.size(3, 2) == len(packed)


def test_what_has_not_moved_is_as_it_was_and_the_rest_is_read_again() -> None:
    """Every policy's reading is that of the one function, whole, as of its times."""
    found, moved = worker(LEARNED, history()), 0

    def look_again(slab: Slab, scored: Scored, _: Sequence[Stretches]) -> None:
        nonlocal moved
        if scored.stale is None:
            return
        index = scored.stale.index
        for variant in scored.stale.variants.values():
            again, as_of = features(slab, scored.rows[index], scored.at[index], variant.as_of)
            assert again.tobytes() == variant.matrix.tobytes()
            assert np.array_equal(as_of, variant.as_of)
            moved += int((variant.as_of != scored.as_of[index]).sum())

    found.engine.desk.observer = look_again
    found.run()
    assert moved > 20
