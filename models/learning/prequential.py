"""How good the model was on the latest examples, before it learned them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from models.learning.numerics import Floats
from models.learning.quarters import quarters
from schemas.drift import BandQuality, SegmentQuality

_LEAST = 1e-15
_NONE: Mapping[str, Floats] = MappingProxyType({})


class RollingQuality:
    """AUC and log loss of the last ``size`` predictions, beside those of the base rate.

    Log losses are in nats, weighted by the examples' weights; the AUC is not (negatives that were
    thinned at random leave it as it is). None while there is nothing, or one class only.

    Parameters
    ----------
    size
        Examples in the window.

    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._rows = np.zeros((0, 4))
        self._segments: dict[str, Floats] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a pickled state; one from before there were segments has none."""
        self.__dict__ |= {"_segments": {}} | state

    def __len__(self) -> int:
        """Examples in the window now."""
        return len(self._rows)

    def update(
        self,
        labels: Floats,
        predicted: Floats,
        weights: Floats,
        base_rate: float,
        segments: Mapping[str, Floats] = _NONE,
    ) -> None:
        """Take in n labels, predictions, weights, shape (n,), and the base rate before them.

        segments: feature → its values, shape (n,), for telling how true the predictions were by
        them; a feature that is new tells of the examples from now on.
        """
        rows = np.column_stack((labels, predicted, np.full(len(labels), base_rate), weights))
        self._rows = np.concatenate((self._rows, rows))[-self.size :]
        self._segments = {
            name: np.concatenate((self._segments.get(name, np.zeros(0)), values))[-self.size :]
            for name, values in segments.items()
        }

    def auc(self) -> float | None:
        """Area under the ROC curve over the window, ties counting half.

        Not River's RollingROCAUC: with ties between the classes it is off by up to .01 (0.26.1),
        and before the first snapshot, or with a tree, most predictions are ties.
        """
        labels, predicted = self._rows[:, 0], self._rows[:, 1]
        if not 0 < labels.sum() < len(labels):
            return None
        positives, negatives = predicted[labels == 1.0], predicted[labels == 0.0]
        ordered = np.sort(negatives)
        below = np.searchsorted(ordered, positives, "left")
        not_above = np.searchsorted(ordered, positives, "right")
        return float((below + not_above).mean() / (2 * len(negatives)))

    def log_loss(self) -> float | None:
        """Mean negative log likelihood of the predictions."""
        return self._loss(1)

    def base_log_loss(self) -> float | None:
        """The same, had the base rate known before each example been predicted."""
        return self._loss(2)

    def bands(self, bands: Sequence[tuple[str, float]]) -> tuple[BandQuality, ...]:
        """How true the predictions were, by band: (name, lower bound), ascending from 0."""
        bounds = [bound for _, bound in bands]
        places = np.searchsorted(bounds, self._rows[:, 1], side="right") - 1
        return tuple(_quality(name, self._rows[places == i]) for i, (name, _) in enumerate(bands))

    def segments(self) -> tuple[SegmentQuality, ...]:
        """How true the predictions were, by quarters of each feature's values."""
        found = []
        for name, values in self._segments.items():
            rows = self._rows[len(self._rows) - len(values) :]
            for part in quarters(values):
                examples, predicted, observed = _means(rows[part.inside])
                found.append(
                    SegmentQuality(name, part.low, part.high, examples, predicted, observed)
                )
        return tuple(found)

    def _loss(self, column: int) -> float | None:
        labels = self._rows[:, 0]
        if not 0 < labels.sum() < len(labels):
            return None
        p = np.clip(self._rows[:, column], _LEAST, 1.0 - _LEAST)
        losses = -np.where(labels == 1.0, np.log(p), np.log1p(-p))
        weights = self._rows[:, 3]
        return float((losses * weights).sum() / weights.sum())


def _quality(band: str, rows: Floats) -> BandQuality:
    if not rows[:, 3].sum() > 0.0:
        return BandQuality(band, 0, None, None)
    return BandQuality(band, *_means(rows))


def _means(rows: Floats) -> tuple[int, float, float]:
    """How many, and the weighted means of prediction and label."""
    weights = rows[:, 3]
    predicted, observed = (float(weights @ rows[:, i] / weights.sum()) for i in (1, 0))
    return len(rows), predicted, observed
