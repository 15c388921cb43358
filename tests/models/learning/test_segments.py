"""Are the probabilities true, by values of a feature: on the drift topic, whatever the batches."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.learning.prequential import RollingQuality
from models.learning.quarters import PARTS, quarters
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example

DAY = 86_400_000_000
Epochs = Callable[..., list[Example]]
values = hnp.arrays(
    float,
    st.integers(1, 60),
    elements=st.one_of(st.integers(0, 9).map(float), st.sampled_from([math.nan, math.inf])),
)


@given(values)
def test_every_value_is_in_one_group_and_equals_are_not_parted(values: np.ndarray) -> None:
    parts, finite = quarters(values), np.isfinite(values)
    if not finite.any():
        assert parts == []
        return
    assert (np.sum([part.inside for part in parts], axis=0) == 1).all()
    known = [part for part in parts if part.low is not None]
    assert len(known) <= PARTS
    assert len(parts) - len(known) == (not finite.all())
    for part in known:
        chosen = values[part.inside]
        assert (chosen.min(), chosen.max()) == (part.low, part.high)
    bounds = [bound for part in known for bound in {part.low, part.high}]
    assert len(set(bounds)) == len(bounds)
    if len(np.unique(values[finite])) <= PARTS:
        assert all(part.low == part.high for part in known)


def test_quarters_of_many_values_are_as_many() -> None:
    parts = quarters(np.random.default_rng(0).permutation(400).astype(float))
    assert [(part.low, part.high) for part in parts] == [
        (0.0, 99.0),
        (100.0, 199.0),
        (200.0, 299.0),
        (300.0, 399.0),
    ]


def rolling(pieces: list[slice], size: int) -> RollingQuality:
    """A flag; those who have it churn three times as often as they are said to."""
    rng = np.random.default_rng(1)
    flag = np.where(rng.random(600) < 0.3, 1.0, 0.0)
    labels = (rng.random(600) < np.where(flag == 1.0, 0.6, 0.2)).astype(float)
    weights = rng.integers(1, 4, 600).astype(float)
    quality = RollingQuality(size)
    for piece in pieces:
        said = np.full(600, 0.2)
        quality.update(labels[piece], said[piece], weights[piece], 0.2, {"flag": flag[piece]})
    off, on = quality.segments()
    last = slice(600 - size, 600)
    chosen = flag[last] == 1.0
    assert (off.low, off.high, on.low, on.high) == (0.0, 0.0, 1.0, 1.0)
    assert (off.examples, on.examples) == ((~chosen).sum(), chosen.sum())
    expected = np.average(labels[last][chosen], weights=weights[last][chosen])
    assert on.observed == pytest.approx(expected)
    assert on.predicted == pytest.approx(0.2)
    assert off.observed == pytest.approx(0.2, abs=0.07)
    return quality


def test_segments_are_told_of_the_window_whatever_the_pieces() -> None:
    whole = rolling([slice(0, 600)], 400)
    pieces = rolling([slice(0, 7), slice(7, 400), slice(400, 600)], 400)
    assert pieces.segments() == whole.segments()


def test_a_feature_that_is_new_tells_of_the_examples_from_then_on() -> None:
    quality = RollingQuality(100)
    quality.update(np.ones(50), np.full(50, 0.5), np.ones(50), 0.1)
    assert quality.segments() == ()
    quality.update(np.zeros(9), np.full(9, 0.1), np.ones(9), 0.1, {"a": np.zeros(9)})
    (only,) = quality.segments()
    assert (only.feature, only.examples, only.observed) == ("a", 9, 0.0)
    quality.update(np.zeros(9), np.full(9, 0.1), np.ones(9), 0.1)
    assert quality.segments() == ()


def test_a_state_of_before_there_were_segments_goes_on() -> None:
    old = RollingQuality(100)
    old.update(np.ones(50), np.full(50, 0.5), np.ones(50), 0.1)
    del old._segments
    again: RollingQuality = pickle.loads(pickle.dumps(old))
    again.update(np.zeros(9), np.full(9, 0.1), np.ones(9), 0.1, {"a": np.zeros(9)})
    assert len(again) == 59
    assert [one.examples for one in again.segments()] == [9]


def test_the_trainer_tells_of_the_vectors_as_they_were_scored(spec: Spec, epoch_of: Epochs) -> None:
    spec = replace(spec, learning=replace(spec.learning, segments=("score", "weekday")))
    trainer = Trainer(spec)
    trainer.learn_epoch(50 * DAY, epoch_of(spec, 50 * DAY, 120), 0)
    again = epoch_of(spec, 51 * DAY, 120)
    restored = Trainer.restore(spec, *_of(trainer, spec, epoch_of))
    found = restored.learn_epoch(51 * DAY, again, 0)
    assert found.payload == trainer.learn_epoch(51 * DAY, again, 0).payload
    told = found.metrics.segments
    assert {one.feature for one in told} == {"score", "weekday"}
    for feature in ("score", "weekday"):
        assert sum(one.examples for one in told if one.feature == feature) == 240
    both = [*epoch_of(spec, 50 * DAY, 120), *again]
    (unknown,) = [one for one in told if one.low is None]
    without = [example for example in both if "score" not in example.vector]
    assert (unknown.feature, unknown.examples) == ("score", len(without))
    assert unknown.observed == pytest.approx(np.mean([example.label for example in without]))


def _of(trainer: Trainer, spec: Spec, epoch_of: Epochs) -> tuple:
    """Manifest and payload of a trainer that learned the same epoch."""
    twin = Trainer(spec)
    result = twin.learn_epoch(50 * DAY, epoch_of(spec, 50 * DAY, 120), 0)
    assert result.manifest == trainer.manifest
    return result.manifest, result.payload
