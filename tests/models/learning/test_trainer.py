"""Epochs: the same examples give the same bits, whatever the order, the repeats, the restarts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.errors import KindError
from models.learning.mixture import Mixture
from models.learning.trainer import EpochResult, Trainer
from models.spec import Spec
from schemas.examples import Example
from tests.models.learning.kinds import EVERY_KIND
from tests.properties import examples

DAY = 86_400_000_000
HOUR = DAY // 24
Epochs = Callable[..., list[Example]]


@examples(15)
@given(random=st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(random: Any, spec: Spec, epoch_of: Epochs) -> None:
    straight, shuffled = Trainer(spec), Trainer(spec)
    for day in (50, 51):
        examples = epoch_of(spec, day * DAY, 15)
        mixed = examples + random.sample(examples, 5)
        random.shuffle(mixed)
        expected = straight.learn_epoch(day * DAY, examples, position=day)
        result = shuffled.learn_epoch(day * DAY, mixed, position=day)
        assert result.payload == expected.payload
        assert result.manifest == expected.manifest
        assert result.metrics.dropped == {"repeated": 5}


def test_the_order_is_that_of_time_not_of_the_list(spec: Spec, epoch_of: Epochs) -> None:
    examples = epoch_of(spec, 50 * DAY, 30)
    moved = [replace(e, time=2 * 50 * DAY - e.time) for e in examples]
    one = Trainer(spec).learn_epoch(50 * DAY, examples, 0)
    other = Trainer(spec).learn_epoch(50 * DAY, moved, 0)
    assert one.payload != other.payload


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("stop", [1, 3])
def test_restored_it_learns_as_if_it_had_never_stopped(
    kind: str, stop: int, spec_of: Callable[..., Spec], epoch_of: Epochs
) -> None:
    spec = spec_of(kind)
    counts = [60, 60, 0, 60, 60]
    steady, restarted = Trainer(spec), Trainer(spec)
    last_payload = None
    for number, count in enumerate(counts):
        epoch = (50 + number) * DAY
        examples = epoch_of(spec, epoch, count)
        expected = steady.learn_epoch(epoch, examples, position=number)
        result = restarted.learn_epoch(epoch, examples[::-1], position=number)
        assert result.manifest == expected.manifest
        assert result.payload == expected.payload
        last_payload = result.payload or last_payload
        if number == stop:
            restarted = Trainer.restore(spec, result.manifest, last_payload)


def test_an_epoch_publishes_a_version(learned: tuple[Trainer, EpochResult], spec: Spec) -> None:
    trainer, result = learned
    manifest, payload = result.manifest, result.payload
    assert payload is not None
    assert (manifest.version, manifest.changed, manifest.position) == (3, True, 52)
    assert (manifest.epoch, manifest.valid_from) == (52 * DAY, 52 * DAY + HOUR)
    assert (manifest.learned, manifest.size) == (360, len(payload))
    assert 0 < manifest.positives < 360
    assert manifest.features == [feature.name for feature in spec.features]
    assert manifest.signature == ""
    assert (trainer.scorer.version, trainer.scorer.valid_from) == (3, 52 * DAY + HOUR)


def test_nothing_to_learn_leaves_the_version_in_force(spec: Spec, epoch_of: Epochs) -> None:
    trainer = Trainer(spec)
    empty = trainer.learn_epoch(49 * DAY, [], position=1)
    assert (empty.manifest.version, empty.manifest.changed, empty.payload) == (0, False, None)
    assert empty.manifest.payload is None
    full = trainer.learn_epoch(50 * DAY, epoch_of(spec, 50 * DAY, 20), position=2)
    quiet = trainer.learn_epoch(51 * DAY, [], position=3)
    assert quiet.payload is None
    assert not quiet.manifest.changed
    assert quiet.manifest.valid_from == 51 * DAY + HOUR
    assert quiet.manifest.position == 3
    for name in ("version", "payload", "checksum", "size", "learned", "positives", "metrics"):
        assert getattr(quiet.manifest, name) == getattr(full.manifest, name)
    assert trainer.scorer.valid_from == full.manifest.valid_from


def test_epochs_learned_already_are_not_learned_again(spec: Spec, epoch_of: Epochs) -> None:
    trainer = Trainer(spec)
    trainer.learn_epoch(50 * DAY, epoch_of(spec, 50 * DAY, 20), position=0)
    again = trainer.learn_epoch(51 * DAY, epoch_of(spec, 50 * DAY, 20), position=1)
    assert not again.manifest.changed
    assert again.metrics.dropped == {"learned_epoch": 20}
    with pytest.raises(ValueError, match="not after"):
        trainer.learn_epoch(51 * DAY, [], position=2)


def test_an_example_of_the_future_is_an_error(spec: Spec, epoch_of: Epochs) -> None:
    with pytest.raises(ValueError, match="has not ended"):
        Trainer(spec).learn_epoch(50 * DAY, epoch_of(spec, 51 * DAY, 3), position=0)


def test_predicts_the_vector_as_scored_and_learns_the_complete_one(
    spec: Spec, epoch_of: Epochs
) -> None:
    first, second = epoch_of(spec, 50 * DAY, 200), epoch_of(spec, 51 * DAY, 50)
    blind = [replace(e, vector={}) for e in second]
    partial = [replace(e, complete={}) for e in second]
    results = []
    for told in (second, blind, partial):
        trainer = Trainer(spec)
        trainer.learn_epoch(50 * DAY, first, position=0)
        results.append((trainer.learn_epoch(51 * DAY, told, position=1), trainer))
    matrix = np.array([[9.0, 30.0, 1.0, 60.0, 2.0]])
    (whole, a), (unseen, b), (unknown, c) = results
    assert a.scorer.predict(matrix) == b.scorer.predict(matrix) != c.scorer.predict(matrix)
    assert whole.metrics.auc == unknown.metrics.auc != unseen.metrics.auc
    assert unknown.metrics.missing == dict.fromkeys([f.name for f in spec.features], 50)
    assert set(whole.metrics.missing) == {"score"}


def test_figures_are_of_predictions_made_before_the_epoch(spec: Spec, epoch_of: Epochs) -> None:
    trainer, losses, base_losses = Trainer(spec), [], []
    positives, total, auc = 0, 0, None
    for day in (50, 51, 52):
        examples = epoch_of(spec, day * DAY, 60)
        names = [f.name for f in spec.features]
        rows = [[e.vector.get(name, math.nan) for name in names] for e in examples]
        p = trainer.scorer.predict(np.array(rows))
        base = (positives + 0.2) / (total + 1)
        y = np.array([e.label for e in examples])
        losses.extend(-np.log(np.where(y == 1, p, 1 - p)))
        base_losses.extend(-np.log(np.where(y == 1, base, 1 - base)))
        positives, total = positives + int(y.sum()), total + 60
        result = trainer.learn_epoch(day * DAY, examples, position=0)
        assert result.metrics.log_loss == pytest.approx(np.mean(losses))
        assert result.metrics.base_log_loss == pytest.approx(np.mean(base_losses))
        assert result.metrics.window == total
        auc = result.metrics.auc
    assert auc is not None
    assert auc > 0.6


def test_what_cannot_be_learned_is_left_out_and_counted(spec: Spec, epoch_of: Epochs) -> None:
    good = epoch_of(spec, 50 * DAY, 12)
    bad = [
        replace(good[0], id="a", app="other"),
        replace(good[0], id="b", feature_set="fs-other"),
        replace(good[0], id="c", label=2),
        replace(good[0], id="d", weight=math.nan),
        replace(good[0], id="e", weight=0.0),
    ]
    clean = Trainer(spec).learn_epoch(50 * DAY, good, position=0)
    mixed = Trainer(spec).learn_epoch(50 * DAY, bad + good, position=0)
    assert mixed.payload == clean.payload
    assert mixed.metrics.dropped == {
        "bad_label": 1,
        "bad_weight": 2,
        "other_app": 1,
        "other_feature_set": 1,
    }
    assert (mixed.metrics.examples, mixed.metrics.learned) == (17, 12)


def test_another_model_does_not_go_on_from_this_ones_snapshot(
    learned: tuple[Trainer, EpochResult], spec_of: Callable[..., Spec]
) -> None:
    result = learned[1]
    for other in (spec_of("hat"), spec_of(lr=0.5)):
        with pytest.raises(KindError, match="another name"):
            Trainer.restore(other, result.manifest, result.payload)


def test_a_mixture_is_told_what_had_matured_when_each_row_was_scored(
    spec_of: Callable[..., Spec], epoch_of: Epochs, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    learn = Mixture.learn_known

    def spy(self: Mixture, matrix: Any, labels: Any, weights: Any, known: Any) -> None:
        told.extend(known.tolist())
        learn(self, matrix, labels, weights, known)

    monkeypatch.setattr(Mixture, "learn_known", spy)
    spec = spec_of("mixture")
    trainer = Trainer(spec)
    maturity = spec.labels.horizon + spec.learning.every + spec.learning.activation_delay
    times: list[int] = []
    for epoch in range(50, 130, 5):
        examples = epoch_of(spec, epoch * DAY, 10)
        trainer.learn_epoch(epoch * DAY, examples, position=0)
        for time, known in zip(sorted(e.time for e in examples), told[-10:], strict=True):
            before = [t for t in times if t <= time - maturity]
            whole = [t for t in before if t <= time - maturity - maturity // 16]
            assert len(whole) <= known <= len(before)
        times += [e.time for e in examples]
    assert told[-1] > 50
