"""Does a model lack data or features, does it forget, and are its probabilities true?

Learning curves by users: the same history is lived through again with a half, a quarter … of the
users to learn from, and everybody to predict. All curves are compared on the same examples: those
of the later half of the history, predicted before they are learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.learning.admission import admitted
from models.learning.evidence import log_losses
from models.learning.numerics import Floats
from models.learning.scorer import Scorer, as_matrix
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example
from schemas.ids import keyed_hash

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Shares of the users to learn from; each smaller set is part of the larger ones."""

ByEpoch = Mapping[int, Sequence[Example]]
"""Examples by the end of their epoch, repeats left out."""


@dataclass(frozen=True, slots=True)
class Point:
    """A learning curve's point: what a share of the users teaches. Log losses in nats.

    learned, positives: examples. train: loss on what it has learned of the later half, after all.
    prequential: on everybody's examples of the later half, before learning them. better, error: by
    how much lower that is than with half the users, and the standard error (users are independent,
    a user's examples need not be); None for the smallest share.
    """

    share: float
    learned: int
    positives: int
    train: float
    prequential: float
    better: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """The later half's examples as predicted by the model that learned from everybody.

    All of shape (n,): labels, weights, probabilities, and epochs (microseconds).
    """

    examples: tuple[Example, ...]
    labels: Floats
    weights: Floats
    probabilities: Floats
    epochs: Floats

    def loss(self, predicted: Floats | None = None) -> float:
        """Mean log loss, of the model or of other predictions (n,)."""
        p = self.probabilities if predicted is None else predicted
        return float(np.average(log_losses(self.labels, p), weights=self.weights))


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What living through the history again has shown.

    base: log loss of the later half's own base rate. then, now: loss on the first third's examples,
    right after it was learned, and at the end: the difference is what was forgotten.
    """

    points: tuple[Point, ...]
    compared: Compared
    base: float
    then: float
    now: float


class TooFewExamplesError(ValueError):
    """There is nothing to diagnose yet; the message says what is missing."""


def diagnose(spec: Spec, by_epoch: ByEpoch, shares: Sequence[float] = SHARES) -> Diagnosis:
    """Live through the epochs once for each share; see the module. Raises TooFewExamplesError.

    What is not learned, such as examples that hold wrong data, counts nowhere.
    """
    by_epoch = admitted(spec, by_epoch)
    epochs = list(by_epoch)
    counts = np.cumsum([len(by_epoch[epoch]) for epoch in epochs])
    if len(epochs) < 4 or counts[-1] < 100:
        raise TooFewExamplesError(
            f"{int(counts[-1]) if len(counts) else 0} examples in {len(epochs)} epochs are too few "
            "for a diagnosis: it takes 100 in 4 epochs"
        )
    half = int(np.searchsorted(counts, counts[-1] / 2)) + 1
    third = int(np.searchsorted(counts, counts[-1] / 3)) + 1
    lives = [_Life(spec, by_epoch, epochs, share) for share in shares]
    for life in lives:
        life.live(half, third)
    whole = lives[-1]
    points = [
        life.point(smaller, half) for life, smaller in zip(lives, [None, *lives[:-1]], strict=True)
    ]
    compared = whole.compared(half)
    rate = float(np.average(compared.labels, weights=compared.weights))
    first = [example for epoch in epochs[:third] for example in by_epoch[epoch]]
    return Diagnosis(
        points=tuple(points),
        compared=compared,
        base=compared.loss(np.full(len(compared.labels), rate)),
        then=_loss(spec, whole.after_third, first),
        now=_loss(spec, whole.trainer.scorer, first),
    )


class _Life:
    """One run through the history, with a share of the users to learn from."""

    def __init__(self, spec: Spec, by_epoch: ByEpoch, epochs: Sequence[int], share: float) -> None:
        self.spec, self.by_epoch, self.epochs, self.share = spec, by_epoch, epochs, share
        self.trainer = Trainer(spec)
        self.after_third: Scorer = self.trainer.scorer
        self._predicted: list[Floats] = []

    def live(self, half: int, third: int) -> None:
        for number, epoch in enumerate(self.epochs):
            examples = self.by_epoch[epoch]
            if number >= half:
                self._predicted.append(_predict(self.spec, self.trainer.scorer, examples))
            self.trainer.learn_epoch(epoch, self._own(examples), position=0)
            if number == third - 1:
                self.after_third = self.trainer.scorer

    def compared(self, half: int) -> Compared:
        examples = self._later(half)
        return Compared(
            examples=tuple(examples),
            labels=np.array([example.label for example in examples], dtype=float),
            weights=np.array([example.weight for example in examples], dtype=float),
            probabilities=np.concatenate(self._predicted),
            epochs=np.array([example.epoch for example in examples], dtype=float),
        )

    def point(self, smaller: _Life | None, half: int) -> Point:
        manifest, compared = self.trainer.manifest, self.compared(half)
        better = error = None
        if smaller is not None:
            better, error = _difference(smaller.compared(half), compared)
        own = self._own(self._later(half))
        return Point(
            share=self.share,
            learned=manifest.learned if manifest else 0,
            positives=manifest.positives if manifest else 0,
            train=_loss(self.spec, self.trainer.scorer, own, complete=True),
            prequential=compared.loss(),
            better=better,
            error=error,
        )

    def _later(self, half: int) -> list[Example]:
        return [example for epoch in self.epochs[half:] for example in self.by_epoch[epoch]]

    def _own(self, examples: Sequence[Example]) -> list[Example]:
        key = f"share {self.spec.learning.sample_key}"
        return [e for e in examples if keyed_hash(key, e.user) / 2**64 < self.share]


def _difference(smaller: Compared, larger: Compared) -> tuple[float, float]:
    """By how much the larger one's loss is lower, and its standard error, clustered by user."""
    gains = log_losses(smaller.labels, smaller.probabilities)
    gains -= log_losses(larger.labels, larger.probabilities)
    gain = float(np.average(gains, weights=larger.weights))
    users = {e.user: i for i, e in enumerate(larger.examples)}
    places = np.array([users[e.user] for e in larger.examples])
    sums = np.bincount(places, weights=(gains - gain) * larger.weights)
    return gain, float(np.sqrt((sums**2).sum()) / larger.weights.sum())


def _predict(spec: Spec, scorer: Scorer, examples: Sequence[Example]) -> Floats:
    names = [feature.name for feature in spec.features]
    return scorer.predict(as_matrix(names, [example.vector for example in examples]))


def _loss(
    spec: Spec, scorer: Scorer, examples: Sequence[Example], *, complete: bool = False
) -> float:
    if not examples:
        return float("nan")
    names = [feature.name for feature in spec.features]
    vectors = [example.complete if complete else example.vector for example in examples]
    labels = np.array([example.label for example in examples], dtype=float)
    weights = np.array([example.weight for example in examples], dtype=float)
    losses = log_losses(labels, scorer.predict(as_matrix(names, vectors)))
    return float(np.average(losses, weights=weights))
