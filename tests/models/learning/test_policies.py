"""Policies are learned in the model's epochs: the same bits whatever the order and the restarts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.engine.looking import StaleRows, Variant
from models.engine.opinions import Opinions
from models.learning import lagged
from models.learning.payload import unpack_head, unpack_tail
from models.learning.pickling import dump
from models.learning.policies import lags_seen, rate_of
from models.learning.told_policies import Policies
from models.learning.trainer import EpochResult, Trainer
from models.spec import POLICIES, Policy, PolicySpec, Spec
from models.staleness.gate import weights_of
from models.staleness.policy import DEGRADE, LATEST, NOWCAST
from schemas.codec import decode_example, encode
from schemas.examples import Example

DAY = 86_400_000_000
LAG = 5 * DAY
BUCKET = 7 * DAY
Epochs = Callable[..., list[Example]]


def with_policy(spec: Spec, default: Policy = "learned", **settings: Any) -> Spec:
    return replace(spec, policy=PolicySpec(default, **settings))


def late(example: Example, number: int) -> Example:
    """Scored while usage was some days old (every other example), and completed since."""
    then = {n: v * 0.7 for n, v in example.complete.items() if n != "weekday"}
    stale = number % 2 == 0
    chance = (number % 9 + 1) / 10
    return replace(
        example,
        vector=example.complete | then if stale else example.complete,
        as_of={"usage": example.time - LAG + 1 if stale else example.time},
        health={"usage": "stalled" if stale else "fresh"},
        experts={"latest": chance, "degrade": 0.3, "nowcast": 0.9 * chance} if stale else {},
        ages={"usage": BUCKET} if stale else {},
        complete_as_of={"usage": example.time},
        lagged={"usage": {str(LAG): then, str(3 * DAY): then}},
        paired=(3 * DAY, 7 * DAY // 2),
    )


def epochs(spec: Spec, epoch_of: Epochs, count: int = 4, size: int = 120) -> list[list[Example]]:
    days = [(50 + n) * DAY for n in range(count)]
    return [[late(e, i) for i, e in enumerate(epoch_of(spec, day, size))] for day in days]


def learn(spec: Spec, every: list[list[Example]]) -> tuple[Trainer, list[EpochResult]]:
    trainer = Trainer(spec)
    return trainer, [trainer.learn_epoch(e[0].epoch, e, position=n) for n, e in enumerate(every)]


def policies_in(result: EpochResult) -> Policies:
    assert result.payload is not None
    found = unpack_head(result.payload).policies
    assert isinstance(found, Policies)
    return found


def learned_in(result: EpochResult) -> tuple[bytes, bytes]:
    """What scores, and all that learning goes on from; without what lateness is said to cost."""
    assert result.payload is not None
    state = unpack_tail(result.payload)
    state.costs = None
    return dump(unpack_head(result.payload)), dump(state)


def test_restored_shuffled_and_off_the_wire_it_learns_the_same(
    spec: Spec, epoch_of: Epochs
) -> None:
    spec = with_policy(spec)
    every = epochs(spec, epoch_of)
    _, steady = learn(spec, every)
    other = Trainer(spec)
    for number, (examples, expected) in enumerate(zip(every, steady, strict=True)):
        sent = [decode_example(encode(e)) for e in reversed(examples)]
        result = other.learn_epoch(examples[0].epoch, sent, position=number)  # type: ignore[arg-type]
        assert result.payload == expected.payload
        other = Trainer.restore(spec, result.manifest, result.payload)
    found = policies_in(steady[-1])
    assert found.beliefs is not None
    assert all((found.gate, found.beliefs.lines, found.lagged))


def test_a_sources_policy_may_change_and_nothing_else_does(spec: Spec, epoch_of: Epochs) -> None:
    every = epochs(spec, epoch_of)
    first = with_policy(spec)
    (usage,) = first.sources
    changed = replace(first, sources=(replace(usage, policy="degrade"), replace(usage, name="x")))
    assert changed.learns_lags
    changed = replace(changed, sources=(replace(usage, policy="nowcast"),))
    assert changed.feature_set == first.feature_set, "state and snapshots stay"
    _, expected = learn(first, every)
    trainer = Trainer(first)
    for number, examples in enumerate(every):
        result = trainer.learn_epoch(examples[0].epoch, examples, position=number)
        wanted = expected[number]
        assert learned_in(result) == learned_in(wanted)
        late = [[c.late for c in one.metrics.costs.values()] for one in (result, wanted)]
        assert number < 2 or late[0] != late[1], "told under the policy in force"
        trainer = Trainer.restore(changed, result.manifest, result.payload)


@pytest.mark.parametrize("policy", ["latest", "degrade", "consistent"])
def test_the_model_learns_the_same_under_every_policy(
    policy: Policy, spec: Spec, epoch_of: Epochs
) -> None:
    every = epochs(spec, epoch_of)
    _, expected = learn(with_policy(spec), every)
    _, results = learn(with_policy(spec, policy), every)
    for one, other in zip(results, expected, strict=True):
        heads = [unpack_head(each.payload or b"").model for each in (one, other)]
        assert dump(heads[0]) == dump(heads[1])
    assert policies_in(results[-1]).gate == {}, "nothing is learned that no source asks for"


def test_a_model_with_a_lag_is_asked_once_it_has_learned_enough(
    spec: Spec, epoch_of: Epochs
) -> None:
    every = epochs(with_policy(spec), epoch_of)
    _, results = learn(with_policy(spec), every)
    found = [policies_in(result) for result in results]
    lags = (("usage", LAG),)
    assert [one.lags for one in found[0].lagged] == [lags], "worth a model: seen 60 times"
    assert found[0].asked == lags
    learned = [one.lagged[0].learned for one in found]
    assert learned == [0, 120, 240, 360]
    asked = [one.lagged[0].form is not None for one in found]
    assert asked == [n >= lagged.LEAST_LEARNED for n in learned]
    matrix = np.array([[9.0, 30.0, 1.0, 60.0, 2.0], [1.0, 3.0, 20.0, 60.0, 2.0]])
    form = found[-1].lagged[0].form
    assert form is not None
    assert form.probabilities(matrix)[1] > form.probabilities(matrix)[0]


def test_models_with_a_lag_are_bounded_and_give_way(spec: Spec, epoch_of: Epochs) -> None:
    spec = with_policy(spec, lag_models=1)

    def moved(examples: list[Example], days: int) -> list[Example]:
        return [replace(e, as_of={"usage": e.time - days * DAY}) if e.ages else e for e in examples]

    every = epochs(spec, epoch_of, 5)
    mixed = [every[0], *(moved(examples, 14) for examples in every[1:])]
    _, results = learn(spec, mixed)
    chosen = [[one.lags for one in policies_in(result).lagged] for result in results]
    first, second = (("usage", LAG),), (("usage", 14 * DAY),)
    assert chosen == [[first], [first], [second], [second], [second]]


def test_of_fewer_models_with_a_lag_those_stay_that_are_needed_most(spec: Spec) -> None:
    held, seen = lagged.LagModels(), [(("usage", n * DAY),) for n in range(1, 4)]
    held.count(with_policy(spec), seen[0:1] * 60 + seen[1:2] * 90 + seen[2:3] * 120)
    assert set(held.chosen) == set(seen)
    held.count(with_policy(spec, lag_models=2), seen[0:1] * 90)
    assert set(held.chosen) == {seen[0], seen[2]}
    held.count(with_policy(spec, lag_models=0), seen * 60)
    assert held.chosen == (), "none are wanted, and it goes on without"


def test_the_gate_follows_what_was_said(spec: Spec, epoch_of: Epochs) -> None:
    spec = with_policy(spec)

    def right(example: Example) -> Example:
        if not example.experts:
            return example
        return replace(example, experts={"latest": 0.5, "degrade": 0.9 if example.label else 0.1})

    every = [[right(e) for e in examples] for examples in epochs(spec, epoch_of, 1)]
    _, (result,) = learn(spec, every)
    gate = policies_in(result).gate
    assert set(gate) == {"any", "usage", "usage 7d", "usage 7d stalled"}
    awake = np.array([name in ("latest", "degrade") for name in POLICIES])
    found = weights_of(gate, ["any", "usage", "usage 7d", "usage 7d stalled"], awake)
    weights = dict(zip(POLICIES, found, strict=True))
    assert weights["degrade"] > 0.99
    assert weights["latest"] < 0.01
    assert rate_of(spec) == 1.0


def test_lags_that_no_model_could_have(spec: Spec, epoch_of: Epochs) -> None:
    spec = with_policy(spec)
    (example,) = [late(e, 0) for e in epoch_of(spec, 50 * DAY, 1)]
    assert lags_seen(spec, example) == (("usage", LAG),)
    for as_of in (None, example.time - 29 * DAY):
        assert lags_seen(spec, replace(example, as_of={"usage": as_of})) == ()
    assert lags_seen(spec, replace(example, ages={})) == ()
    beating = replace(example, as_of={"usage": example.time})
    assert lags_seen(spec, beating) == (), "silent, and complete up to the cut: late by nothing"


def test_what_was_never_complete_teaches_no_belief(spec: Spec, epoch_of: Epochs) -> None:
    spec = with_policy(spec)
    every = [
        [replace(e, complete_as_of={"usage": e.time - 1}) for e in examples]
        for examples in epochs(spec, epoch_of, 2)
    ]
    _, results = learn(spec, every)
    found = policies_in(results[-1]).beliefs
    assert found is not None
    assert not found.lines
    own = [j for j, feature in enumerate(spec.features) if feature.source]
    assert (found.mean[own] == 0.0).all(), "nor what anyone's features are like"


def test_a_source_that_is_never_complete_leaves_the_others_their_beliefs(
    spec: Spec, epoch_of: Epochs
) -> None:
    (usage,) = spec.sources
    own = spec.features[1]
    both = replace(
        with_policy(spec),
        sources=(usage, replace(usage, name="billing")),
        features=(spec.features[0], replace(own, source="billing"), *spec.features[2:]),
    )

    def behind(e: Example) -> Example:
        then = e.time - 14 * DAY
        return replace(
            e,
            as_of=e.as_of | {"billing": then},
            health=e.health | {"billing": "lagging"},
            ages=e.ages | {"billing": 16 * DAY},
            complete_as_of=e.complete_as_of | {"billing": then},
        )

    every = [[behind(e) for e in examples] for examples in epochs(both, epoch_of)]
    found = policies_in(learn(both, every)[1][-1]).beliefs
    assert found is not None
    assert {source for source, _ in found.lines} == {"usage"}
    assert all(1 not in line.columns for line in found.lines.values())
    assert (found.mean[1], found.variance[1]) == (0.0, 1.0)


def test_beliefs_are_learned_before_anything_is_late(spec: Spec, epoch_of: Epochs) -> None:
    """From the lag drawn for each example, whose features are .7 of the complete ones."""
    spec = with_policy(spec)
    every = [
        [replace(e, experts={}, ages={}, vector=e.complete) for e in examples]
        for examples in epochs(spec, epoch_of)
    ]
    found = policies_in(learn(spec, every)[1][-1])
    assert found.beliefs is not None
    assert set(found.beliefs.lines) == {("usage", 7 * DAY // 2)}
    now = np.array([[10.0, 35.0, 5.0, 60.0, 3.0]])
    then = now * np.array([0.7, 0.7, 0.7, 0.7, 1.0])
    belief = found.beliefs.nothing(then)
    line = found.beliefs.lines["usage", 7 * DAY // 2]
    found.beliefs.fill(belief, then, np.array([True]), line, np.array([3.0 * DAY]))
    assert belief.mean == pytest.approx(now, rel=0.1)


# --- what a scorer makes of beliefs -----------------------------------------------------------


def stale_rows(spec: Spec, matrix: np.ndarray) -> StaleRows:
    n = len(matrix)
    as_of = np.full((n, 1), 50 * DAY)
    variant = Variant(matrix, as_of, np.full(n, -1))
    ages, behind = np.full((n, 1), BUCKET), np.full((n, 1), LAG)
    every = dict.fromkeys(range(len(POLICIES)), variant)
    return StaleRows(np.arange(n), ages, behind, np.zeros((n, 1), dtype=bool), every)


@pytest.mark.parametrize("kind", [pytest.param("mixture", marks=pytest.mark.slow), "hat"])
def test_a_belief_without_doubt_is_latest_and_one_without_knowledge_is_degrade(
    kind: str, spec_of: Callable[..., Spec], epoch_of: Epochs
) -> None:
    spec = with_policy(spec_of(kind))
    trainer, results = learn(spec, epochs(spec, epoch_of))
    found = policies_in(results[-1])
    beliefs = found.beliefs
    assert beliefs is not None
    line = beliefs.lines["usage", BUCKET]
    rng = np.random.default_rng(4)
    matrix = np.column_stack((rng.poisson(8, (60, 4)) + 0.5, rng.integers(0, 7, 60) * 1.0))
    sure = replace(
        line,
        slope=np.zeros_like(line.slope),
        variance=np.zeros_like(line.variance),
        absent=np.zeros_like(line.absent),
    )
    slope = np.zeros_like(line.slope)
    own = list(line.columns)
    slope[0] = beliefs.mean[own]
    slope[2 + np.array(own), np.arange(len(own))] = -1.0
    ignorant = replace(
        line,
        slope=slope,
        inverse=np.zeros_like(line.inverse),
        variance=beliefs.variance[own],
        absent=np.tile(beliefs.absent[own], (2, 1)),
    )
    follows = np.zeros((60, 1), dtype=np.int64)
    said = {}
    for name, changed in {"sure": sure, "ignorant": ignorant}.items():
        own_beliefs = replace(beliefs, lines={("usage", BUCKET): changed})
        scorer = replace(trainer.scorer, policies=replace(found, beliefs=own_beliefs))  # type: ignore[type-var]
        latest = scorer.predict(matrix)
        opinions = Opinions(spec, stale_rows(spec, matrix), scorer, latest)
        said[name] = opinions.of(NOWCAST, follows + NOWCAST)
        said["latest"] = opinions.of(LATEST, follows)
        said["degrade"] = opinions.of(DEGRADE, follows + DEGRADE)
    assert said["sure"] == pytest.approx(said["latest"], abs=1e-9)
    assert said["ignorant"] == pytest.approx(said["degrade"], abs=1e-9)
    assert said["latest"] != pytest.approx(said["degrade"], abs=1e-3)
