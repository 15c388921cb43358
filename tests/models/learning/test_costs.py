"""What it costs not to know a source: on the same examples, fading, the same through a restart."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models.learning.costs import MEMORY, _Sums, told_of
from models.learning.scorer import as_matrix
from models.learning.trainer import Trainer
from models.spec import FeatureSpec, Spec
from schemas.examples import Example

DAY = 86_400_000_000
Epochs = Callable[..., list[Example]]


@pytest.fixture
def two(spec: Spec) -> Spec:
    """What explains the label comes from ``usage``; ``billing`` has a feature that says nothing."""
    billing = replace(spec.sources[0], name="billing", topic="events.billing")
    paid = FeatureSpec("paid", "sum", "billing", window=28 * DAY)
    return replace(spec, sources=(*spec.sources, billing), features=(*spec.features, paid))


def with_noise(examples: list[Example], seed: int) -> list[Example]:
    rng = np.random.default_rng(seed)
    paid = rng.normal(size=len(examples)).tolist()
    return [
        replace(one, vector=one.vector | {"paid": x}, complete=one.complete | {"paid": x})
        for one, x in zip(examples, paid, strict=True)
    ]


def trained(spec: Spec, epoch_of: Epochs, days: int, count: int = 120) -> Trainer:
    trainer = Trainer(spec)
    for day in range(50, 50 + days):
        examples = with_noise(epoch_of(spec, day * DAY, count), day)
        trainer.learn_epoch(day * DAY, examples, position=day)
    return trainer


def losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(np.where(labels > 0, probabilities, 1 - probabilities))


def test_the_source_that_explains_costs_and_the_other_does_not(two: Spec, epoch_of: Epochs) -> None:
    trainer = trained(two, epoch_of, 12)
    result = trainer.learn_epoch(70 * DAY, with_noise(epoch_of(two, 70 * DAY, 120), 70), 70)
    usage, billing = result.metrics.costs["usage"], result.metrics.costs["billing"]
    assert usage.log_loss > 4 * usage.error > 0
    assert abs(billing.log_loss) < 3 * billing.error
    assert abs(billing.log_loss) < usage.log_loss / 5
    assert told_of(result.manifest.metrics, "usage") == (usage.log_loss, [])


@pytest.mark.parametrize("rarer", [1.0, 5.0])
def test_it_is_the_paired_difference_before_learning(
    two: Spec, epoch_of: Epochs, rarer: float
) -> None:
    """Who stays may be one of several that he stands for."""
    trainer, n = Trainer(two), 40
    names = [feature.name for feature in two.features]
    wanted = weight = square = spread = 0.0
    found = {}
    for day in range(50, 54):
        made = with_noise(epoch_of(two, day * DAY, n), day)
        examples = [replace(one, weight=1.0 if one.label else rarer) for one in made]
        scorer = trainer.scorer
        if scorer.version > 0:
            ordered = sorted(examples, key=lambda one: (one.time, one.id))
            matrix = as_matrix(names, [one.complete for one in ordered])
            labels = np.array([one.label for one in ordered])
            masked = np.zeros(matrix.shape, dtype=np.bool_)
            masked[:, -1] = True
            more = losses(scorer.marginal(matrix, masked), labels)
            more -= losses(scorer.predict(matrix), labels)
            kept, own = math.exp(-n / MEMORY), np.array([one.weight for one in ordered])
            wanted, weight = wanted * kept + (own * more).sum(), weight * kept + own.sum()
            square = square * kept**2 + (own**2).sum()
            spread = spread * kept + (own * more**2).sum()
        found = trainer.learn_epoch(day * DAY, examples, day).metrics.costs
    assert found["billing"].log_loss == pytest.approx(wanted / weight, abs=1e-6)
    count = weight**2 / square
    error = math.sqrt((spread / weight - (wanted / weight) ** 2) / count)
    assert found["billing"].error == pytest.approx(error, abs=1e-6)
    assert found["billing"].examples == pytest.approx(count, abs=1)
    assert (count < 2.9 * n) == (rarer > 1)


def test_a_snapshot_from_before_there_were_weights_goes_on() -> None:
    differences, labels = np.array([0.1, 0.3, -0.2]), np.array([1.0, 0.0, 0.0])
    sums = _Sums()
    sums.add(differences, labels, np.ones(3))
    slots = {
        slot: getattr(sums, slot) for slot in ("weight", "square", "churned", "more", "spread")
    }
    before = _Sums.__new__(_Sums)
    before.__setstate__((None, slots))
    for one in (sums, before):
        one.add(differences, labels, np.array([1.0, 4.0, 4.0]))
    assert before == sums
    assert sums.others == pytest.approx(4.0, rel=1e-3), "counted, whatever they weigh"


def test_nothing_is_said_before_anything_was_learned(two: Spec, epoch_of: Epochs) -> None:
    examples = with_noise(epoch_of(two, 50 * DAY, 40), 1)
    assert Trainer(two).learn_epoch(50 * DAY, examples, 0).metrics.costs == {}
