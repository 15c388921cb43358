"""Negatives thinned at release, with a weight: learners stay calibrated, by kind and by rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from river import forest

from models.learning.cuts import kept_with
from models.learning.factory import KINDS
from models.learning.prequential import RollingQuality
from models.learning.trainer import Trainer
from models.learning.weighted_forest import WeightedForest
from models.spec import Spec
from schemas.examples import Example

DAY = 86_400_000_000
RATES = (0.3, 0.05)
Epochs = Callable[..., list[Example]]


def thinned(spec: Spec, share: float, examples: list[Example]) -> list[Example]:
    rarer = replace(spec, learning=replace(spec.learning, negatives=share))
    weights = [kept_with(rarer, e.user, e.time, e.label) for e in examples]
    return [
        replace(example, weight=weight)
        for example, weight in zip(examples, weights, strict=True)
        if weight is not None
    ]


def rare(spec: Spec, epoch_of: Epochs) -> list[Example]:
    """About one churner in eight, as far as they are of use."""
    made = epoch_of(spec, 50 * DAY, 4000)
    return [e for e in made if e.label == 0 or int(e.user.removeprefix("user-")) % 3 == 0]


@pytest.mark.parametrize("share", [1.0, 0.3, 0.05])
def test_positives_stay_and_negatives_by_chance_with_a_weight(
    share: float, spec: Spec, epoch_of: Epochs
) -> None:
    examples = rare(spec, epoch_of)
    kept = thinned(spec, share, examples)
    positives, negatives = ([e for e in kept if e.label == label] for label in (1, 0))
    all_negatives = sum(e.label == 0 for e in examples)
    assert {e.weight for e in positives} == {1.0}
    assert len(positives) == len(examples) - all_negatives
    assert {e.weight for e in negatives} == {1 / share}
    noise = 4 * np.sqrt(share * (1 - share) * all_negatives)
    assert abs(len(negatives) - share * all_negatives) <= noise
    fewer = {e.id for e in thinned(spec, share / 2, examples)}
    assert fewer <= {e.id for e in kept}, "a smaller share is a part of a larger one"


def test_the_same_cut_is_kept_or_not_for_ever_but_not_a_users_every_cut(spec: Spec) -> None:
    half = replace(spec, learning=replace(spec.learning, negatives=0.5))
    kept = [kept_with(half, "user-1", day * DAY, 0) is not None for day in range(200)]
    assert kept == [kept_with(half, "user-1", day * DAY, 0) is not None for day in range(200)]
    assert 60 < sum(kept) < 140


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_the_same_on_average(
    kind: str,
    spec_of: Callable[..., Spec],
    epoch_of: Epochs,
) -> None:
    """Within four standard errors of the base rate that the thinned negatives leave."""
    spec = spec_of(kind)
    examples = rare(spec, epoch_of)
    names = [feature.name for feature in spec.features]
    matrix = np.array([[e.vector.get(name, np.nan) for name in names] for e in examples])
    truth = np.mean([e.label for e in examples])
    negatives = sum(e.label == 0 for e in examples)
    means = {}
    for share in (1.0, *RATES):
        trainer = Trainer(spec)
        trainer.learn_epoch(50 * DAY, thinned(spec, share, examples), position=0)
        means[share] = trainer.scorer.predict(matrix).mean()
    assert means[1.0] == pytest.approx(truth, rel=0.15)
    for share in RATES:
        error = np.sqrt((1 - share) / (share * negatives))
        assert means[share] == pytest.approx(means[1.0], rel=4 * error + 0.03), (kind, means)


def test_the_log_loss_is_that_of_all_examples_not_of_those_kept() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random(40_000) < 0.1).astype(float)
    predicted = np.clip(0.1 + 0.2 * (labels - 0.1) + rng.normal(0, 0.02, 40_000), 0.01, 0.99)
    kept = (labels == 1) | (rng.random(40_000) < 0.1)
    weights = np.where(labels == 1, 1.0, 10.0)
    whole, sample = RollingQuality(40_000), RollingQuality(40_000)
    whole.update(labels, predicted, np.ones(40_000), 0.1)
    sample.update(labels[kept], predicted[kept], weights[kept], 0.1)
    assert sample.log_loss() == pytest.approx(whole.log_loss(), rel=0.02)
    assert sample.base_log_loss() == pytest.approx(whole.base_log_loss(), rel=0.02)
    assert sample.auc() == pytest.approx(whole.auc(), abs=0.01)


def test_the_forest_is_rivers_where_weights_are_one() -> None:
    settings: dict[str, Any] = {"n_models": 3, "seed": 4, "lambda_value": 1}
    ours, theirs = WeightedForest(**settings), forest.ARFClassifier(**settings)
    rng = np.random.default_rng(0)
    for row in rng.normal(size=(300, 3)).tolist():
        x = dict(zip("abc", row, strict=True))
        ours.learn_one(x, row[0] > 0)
        theirs.learn_one(x, row[0] > 0)
        assert ours.predict_proba_one(x) == theirs.predict_proba_one(x)
