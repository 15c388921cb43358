"""The gate's promises: its regret, what rare patterns borrow, who is asleep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.staleness import gate as module
from models.staleness.gate import AVERAGE, PRIOR, SHARE, WAYS, PolicyGate, weights_of
from tests.properties import examples

K = len(AVERAGE)
said = st.lists(st.floats(0.02, 0.98), min_size=K, max_size=K)
course = st.lists(st.tuples(said, st.integers(0, 1)), min_size=1, max_size=60)


def losses(predicted: np.ndarray, label: int) -> np.ndarray:
    return -np.log(predicted if label else 1 - predicted)


@examples(60)
@given(course, st.sampled_from([1.0, 0.5, 1 / 7, 1 / 28]))
def test_the_regret_is_bounded(course: list[tuple[list[float], int]], rate: float) -> None:
    gate, mixture, experts = PolicyGate(), 0.0, np.zeros(K + 1)
    for predicted, label in course:
        p = np.array(predicted)
        weights = weights_of(gate.frozen(rate), ["any"], np.ones(K, dtype=bool))
        mixture += float(losses(weights @ p, label))
        experts += losses(np.append(p, p @ AVERAGE), label)
        gate.update(["any"], p, label, 1.0, rate)
    bound = experts + np.log(1 / PRIOR) / rate + 2 * SHARE * len(course)
    assert mixture <= bound.min() + 1e-9


@examples(30)
@given(course, st.sampled_from([1.0, 1 / 7]))
def test_weights_are_a_distribution_in_every_pattern(
    course: list[tuple[list[float], int]], rate: float
) -> None:
    gate = PolicyGate()
    for number, (predicted, label) in enumerate(course):
        p = np.array(predicted)
        p[number % K] = np.nan
        gate.update(["any", f"s{number % 2}", f"s{number % 2} 7d"], p, label, 1.0, rate)
    for weights in gate.frozen(rate).values():
        assert weights.sum() == pytest.approx(1.0)
        assert (weights > 0).all()


def test_a_pattern_never_seen_uses_the_next_more_general_one() -> None:
    gate = PolicyGate()
    for _ in range(30):
        gate.update(["any", "a", "a 7d"], np.array([0.2, 0.2, 0.2, 0.2, 0.8]), 1, 1.0, 1.0)
    frozen, awake = gate.frozen(), np.ones(K, dtype=bool)
    for keys in (["any", "a", "a 14d"], ["any", "b"]):
        assert weights_of(frozen, keys, awake)[4] > 0.99
    assert weights_of({}, ["any", "b"], awake) == pytest.approx(PRIOR @ WAYS)


def test_a_pattern_begins_with_what_the_more_general_one_knew() -> None:
    gate = PolicyGate()
    for _ in range(30):
        gate.update(["any", "a"], np.array([0.2, 0.2, 0.2, 0.2, 0.8]), 1, 1.0, 1.0)
    gate.update(["any", "b"], np.full(K, 0.5), 1, 1.0, 1.0)
    assert gate.frozen()["b"][4] > 0.99


def test_a_pattern_that_is_not_seen_goes_back_to_the_more_general_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SHARE", 0.01)
    gate = PolicyGate()
    nowcast, latest = np.array([0.2] * 4 + [0.8]), np.array([0.8] + [0.2] * 4)
    for _ in range(20):
        gate.update(["any", "a"], nowcast, 1, 1.0, 1.0)
    assert gate.frozen()["a"][4] > 0.9
    for _ in range(400):
        gate.update(["any", "b"], latest, 1, 1.0, 1.0)
    assert gate.frozen()["a"][0] > 0.9


def test_who_is_asleep_keeps_its_weight() -> None:
    gate = PolicyGate()
    predicted = np.array([0.9, np.nan, np.nan, 0.1, np.nan])
    gate.update(["any"], predicted, 1, 1.0, 1.0)
    weights = gate.frozen()["any"]
    kept = weights[[1, 2, 4]]
    assert kept == pytest.approx(PRIOR[[1, 2, 4]], rel=1e-3)
    assert weights[0] > PRIOR[0]
    shown = weights_of(gate.frozen(), ["any"], ~np.isnan(predicted))
    assert shown[[1, 2, 4]].tolist() == [0, 0, 0]
    assert shown.sum() == pytest.approx(1.0)


def test_the_average_is_of_those_awake_and_wins_where_two_are_wrong_in_turn() -> None:
    gate, awake = PolicyGate(), np.array([True, False, False, True, True])
    for number in range(100):
        sure, unsure = (0.9, 0.5) if number % 2 else (0.5, 0.9)
        gate.update(["any"], np.array([sure, np.nan, np.nan, 0.1, unsure]), 1, 1.0, 1.0)
    assert gate.frozen()["any"][K] > 0.85, "the rest belongs to the two that sleep"
    assert weights_of(gate.frozen(), ["any"], awake) == pytest.approx([0.5, 0, 0, 0, 0.5], abs=0.05)
    assert gate.general()["any"] == pytest.approx(AVERAGE, abs=0.1)


def test_it_follows_who_was_right_for_both_labels() -> None:
    for label in (0, 1):
        gate, predicted = PolicyGate(), np.full(K, 0.5)
        predicted[3] = 0.9 if label else 0.1
        for _ in range(20):
            gate.update(["any"], predicted, label, 1.0, 1.0)
        assert gate.frozen()["any"][3] > 0.99


def test_a_lone_voice_changes_nothing() -> None:
    gate = PolicyGate()
    gate.update(["any"], np.array([0.9] + [np.nan] * 4), 1, 1.0, 1.0)
    assert gate.frozen() == {}


def test_patterns_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PATTERNS", 3)
    gate = PolicyGate()
    for number in range(9):
        gate.update(["any", f"s{number}"], np.linspace(0.2, 0.8, K), 1, 1.0, 1.0)
    assert list(gate.frozen()) == ["any", "s0", "s1"]
