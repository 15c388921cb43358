"""Before there are enough labels a score is the base rate, nearly, and says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.factory import KINDS
from models.learning.maturity import LEAST, PER_FEATURE, maturity
from models.learning.snapshots import load_scorer, sign
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example

DAY = 86_400_000_000
KEY = b"key"
Epochs = Callable[..., list[Example]]
ORDER = ("prior", "learning", "mature")

counts = st.integers(0, 5000)


@given(counts, counts, st.integers(1, 80))
def test_it_is_the_rarer_class_that_counts(positives: int, negatives: int, features: int) -> None:
    said = maturity(positives + negatives, positives, features)
    assert said == maturity(positives + negatives, negatives, features)
    assert (said == "prior") == (min(positives, negatives) == 0)
    enough = min(positives, negatives) >= max(LEAST, PER_FEATURE * features)
    assert (said == "mature") == enough
    more = maturity(2 * (positives + negatives), 2 * positives, features)
    assert ORDER.index(more) >= ORDER.index(said)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("positives", [0, 3, 10])
def test_ten_examples_make_no_wild_score(
    kind: str,
    positives: int,
    spec_of: Callable[..., Spec],
    epoch_of: Epochs,
    matrix_of: Callable[..., np.ndarray],
) -> None:
    spec = spec_of(kind)
    ten = [
        replace(example, label=int(i < positives))
        for i, example in enumerate(epoch_of(spec, 50 * DAY, 10))
    ]
    trainer = Trainer(spec)
    trainer.learn_epoch(50 * DAY, ten, position=0)
    wild = matrix_of(np.random.default_rng(0), 300)
    wild[:150] *= 1e6
    rate = (positives + 100 * spec.model.prior) / 110
    p = trainer.scorer.predict(wild)
    assert np.abs(p - rate).max() < 0.05
    assert trainer.scorer.maturity == ("learning" if positives == 3 else "prior")
    if positives != 3:
        assert p == pytest.approx(np.full(300, rate))


def test_it_grows_up_and_is_said_by_every_scorer(spec: Spec, epoch_of: Epochs) -> None:
    trainer, said = Trainer(spec), []
    assert trainer.scorer.maturity == "prior"
    for day in range(50, 57):
        result = trainer.learn_epoch(day * DAY, epoch_of(spec, day * DAY, 80), position=0)
        manifest = sign(result.manifest, KEY)
        scorer = load_scorer(spec, manifest, result.payload, KEY)
        restored = Trainer.restore(spec, manifest, result.payload)
        assert trainer.scorer.maturity == scorer.maturity == restored.scorer.maturity
        rarer = min(manifest.positives, manifest.learned - manifest.positives)
        assert (scorer.maturity == "mature") == (rarer >= LEAST)
        said.append(scorer.maturity)
    assert said == sorted(said, key=ORDER.index)
    assert {"learning", "mature"} == set(said)
