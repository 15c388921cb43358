"""What the linear models here make of a row: of each feature its value, and its absence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.learning.bins import BEYOND
from models.learning.linear import LinearForm, standardise, transform
from models.learning.numerics import Bools, Floats, finite
from models.learning.scale import Scale

_KNOWN, _ABSENT = 0, 1


@dataclass(frozen=True, slots=True)
class Design:
    """Two entries for each of f features: the value, and the absence, both standardised.

    The value is 0 where it is unknown; the absence has a weight of its own, so that what is
    missing is never taken for a value.

    logged: bool[f], features that are put through the signed log1p before they come here.
    absences: (2, f), the entry of a known and of an unknown value. limit: bound of all entries.
    """

    logged: Bools
    scale: Scale
    absences: Floats
    limit: float

    @classmethod
    def empty(cls, limit: float) -> Design:
        """Of no features."""
        return cls(np.zeros(0, dtype=bool), Scale.unknown(0), np.zeros((2, 0)), limit)

    def grown(self, logged: Bools) -> Design:
        """With more features, of which nothing is known."""
        all_logged = np.concatenate((self.logged, logged))
        return replace(self, logged=all_logged).rescaled(self.scale.grow(len(all_logged)))

    def rescaled(self, scale: Scale) -> Design:
        """The same with another scale."""
        spread = np.sqrt(scale.absent * (1.0 - scale.absent))
        spread = np.where(spread > 0.0, spread, 1.0)
        absences = np.stack(
            [standardise(np.full_like(spread, u), scale.absent, spread, self.limit) for u in (0, 1)]
        )
        return replace(self, scale=scale, absences=absences)

    def transformed(self, raw: Floats) -> Floats:
        """Raw values (…, f) as they are kept: infinities unknown, within what 32 bits can hold."""
        row = transform(finite(raw), self.logged)
        np.maximum(row, -BEYOND, out=row)
        return np.minimum(row, BEYOND, out=row)

    def of(self, rows: Floats) -> Floats:
        """Design (k, 2, f) of transformed rows (k, f)."""
        absent = np.isnan(rows)
        design = np.empty((len(rows), 2, rows.shape[1]))
        z = standardise(rows, self.scale.mean, self.scale.deviation, self.limit)
        design[:, _KNOWN] = np.where(absent, 0.0, z)
        design[:, _ABSENT] = np.where(absent, self.absences[1], self.absences[0])
        return design

    def flat(self, rows: Floats) -> Floats:
        """Design (k, 1 + 2f) of transformed rows (k, f): 1, then value and absence of each."""
        pairs = self.of(rows).transpose(0, 2, 1).reshape(len(rows), -1)
        return np.concatenate((np.ones((len(rows), 1)), pairs), axis=1)

    def form(self, intercept: float, weights: Floats) -> LinearForm:
        """Compile ``intercept + Σ weights · design``, weights of shape (2, f)."""
        values, absences = weights
        return LinearForm(
            intercept=intercept,
            weights=values,
            known=absences * self.absences[0],
            unknown=absences * self.absences[1],
            mean=self.scale.mean,
            scale=self.scale.deviation,
            logged=self.logged,
            limit=self.limit,
        )
