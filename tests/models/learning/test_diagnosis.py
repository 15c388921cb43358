"""Learning curves by users, calibration by group, and the advice that follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from models.learning.advice import advise
from models.learning.calibration import calibration, worst
from models.learning.diagnosis import (
    Compared,
    Diagnosis,
    Point,
    TooFewExamplesError,
    diagnose,
)
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example

DAY = 86_400_000_000
Epochs = Callable[..., list[Example]]


@pytest.fixture(scope="module")
def history(spec: Spec, epoch_of: Epochs) -> dict[int, list[Example]]:
    return {day * DAY: epoch_of(spec, day * DAY, 150) for day in range(50, 62)}


@pytest.fixture(scope="module")
def found(spec: Spec, history: dict[int, list[Example]]) -> Diagnosis:
    return diagnose(spec, history, shares=(0.25, 0.5, 1.0))


def test_the_whole_curve_is_the_trainers_own(
    spec: Spec, history: dict[int, list[Example]], found: Diagnosis
) -> None:
    trainer, losses = Trainer(spec), []
    for epoch, examples in history.items():
        names = [feature.name for feature in spec.features]
        rows = np.array([[e.vector.get(name, np.nan) for name in names] for e in examples])
        p, y = trainer.scorer.predict(rows), np.array([e.label for e in examples])
        if epoch >= 56 * DAY:
            losses += (-np.log(np.where(y == 1, p, 1 - p))).tolist()
        trainer.learn_epoch(epoch, examples, 0)
    whole = found.points[-1]
    assert (whole.learned, len(found.compared.labels)) == (1800, len(losses))
    assert whole.prequential == pytest.approx(np.mean(losses))


def test_fewer_users_teach_less_and_are_a_part_of_the_more(found: Diagnosis) -> None:
    learned = [point.learned for point in found.points]
    assert learned == sorted(learned)
    assert learned[0] == pytest.approx(450, rel=0.3)
    quarter, half, whole = found.points
    assert half.better == pytest.approx(quarter.prequential - half.prequential)
    assert whole.better == pytest.approx(half.prequential - whole.prequential)
    assert quarter.better is None
    assert 0 < (half.error or 0) < 0.05
    assert whole.train < whole.prequential < found.base


def test_what_is_not_learned_counts_nowhere(spec: Spec, epoch_of: Epochs) -> None:
    told = {day * DAY: epoch_of(spec, day * DAY, 40) for day in range(50, 54)}
    mixed = {
        epoch: [replace(e, id=f"{e.id} again", label=1, corrupt=["usage"]) for e in found] + found
        for epoch, found in told.items()
    }
    clean, found = (diagnose(spec, one, shares=(0.5, 1.0)) for one in (told, mixed))
    assert found.points == clean.points
    assert (found.base, found.then, found.now) == (clean.base, clean.then, clean.now)


def test_too_little_is_said(spec: Spec, epoch_of: Epochs) -> None:
    with pytest.raises(TooFewExamplesError, match="60 examples in 2 epochs"):
        diagnose(spec, {day * DAY: epoch_of(spec, day * DAY, 30) for day in (50, 51)})
    with pytest.raises(TooFewExamplesError, match="0 examples"):
        diagnose(spec, {})


def one(**changes: float) -> Diagnosis:
    """A diagnosis without any finding but those given."""
    about = {"train": 0.199, "prequential": 0.2, "better": 0.0001, "error": 0.001} | changes
    names = ("train", "prequential", "better", "error")
    figures = {name: about[name] for name in names}
    whole = Point(1.0, 9000, int(about.get("positives", 900)), **figures)
    nothing = np.zeros(0)
    return Diagnosis(
        points=(whole,),
        compared=Compared((), nothing, nothing, nothing, nothing),
        base=about.get("base", 0.25),
        then=0.2,
        now=about.get("now", 0.2),
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["More data won't help"]),
        ({"better": 0.01}, ["More data helps: with all users the log loss is 5.0% lower"]),
        ({"better": 0.01, "error": 0.008}, ["More data won't help"]),
        ({"train": 0.15}, ["Variance: it predicts what it has learned 25% better"]),
        ({"now": 0.26}, ["It forgets: on the first third", "More data won't"]),
        ({"base": 0.19}, ["no better than the base rate", "More data won't"]),
        ({"positives": 99, "now": 9.0}, ["99 churners: too few"]),
    ],
)
def test_the_advice(changes: dict[str, float], words: list[str]) -> None:
    said = advise(one(**changes))
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))


def test_a_model_that_forgets_is_found_out(spec: Spec, epoch_of: Epochs) -> None:
    """From day 60 on the opposite is true."""
    history = {}
    for day in range(50, 80):
        late = day >= 60
        history[day * DAY] = [
            replace(e, label=int((e.vector["clicks_7d"] > 8) == late))
            for e in epoch_of(spec, day * DAY, 60)
        ]
    forgetful = diagnose(spec, history, shares=(0.5, 1.0))
    assert forgetful.now > 1.05 * forgetful.then
    assert any("It forgets" in sentence for sentence in advise(forgetful))


def test_calibration_by_band_time_and_segment(spec: Spec, found: Diagnosis) -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 6, len(found.compared.labels))
    true = replace(found.compared, probabilities=p, labels=(rng.random(len(p)) < p).astype(float))
    banded = replace(spec, scoring=replace(spec.scoring, bands=(("low", 0.0), ("high", 0.2))))
    groups = calibration(banded, true, "score")
    assert [g.name for g in groups if g.by == "band"] == ["low", "high"]
    assert len([g for g in groups if g.by == "time"]) == 4
    assert [g.name for g in groups if g.by == "score"][-1] == "not known"
    for by in ("band", "time", "score"):
        assert sum(g.examples for g in groups if g.by == by) == len(p)
    assert worst(groups) is None
    off = worst(calibration(banded, replace(true, probabilities=np.minimum(1.5 * p, 0.99)), None))
    assert off is not None
    assert off.predicted > off.observed
    assert off.off < -3
