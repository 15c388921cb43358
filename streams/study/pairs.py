"""Matured cuts as pairs: what was said, and what would have been said with something late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.watch.cost import Cost, cost
from models.watch.jackknife import GROUPS
from streams.study.churners import Rhythm, churners
from streams.study.variants import Variant

LEAST = 20
"""Churners, and others, that a cost is told from where it can be told of some cuts only."""


class TooFewCuts(ValueError):
    """Both outcomes are needed to tell what anything costs."""

    def __init__(self) -> None:
        super().__init__(
            "there are too few matured cuts: churners and others are needed, behind the first "
            "quarter of the log. Give a longer log, or wait for more outcomes."
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """n matured cuts.

    rhythm: theirs. time: int64[n], µs. label: float64[n]. weight: float64[n], of the sample that
    they are. user: uint64[n], hashes. known: what was said, float64[n]. late: for each variant what
    would have been said, float64[n], NaN on cuts of which that cannot be told.
    """

    rhythm: Rhythm
    time: Int
    label: Floats
    weight: Floats
    user: NDArray[np.uint64]
    known: Floats
    late: Mapping[Variant, Floats]

    def __len__(self) -> int:
        """Cuts."""
        return len(self.label)

    @property
    def days(self) -> float:
        """Time that they span."""
        return (
            max(1.0, (int(self.time.max()) - int(self.time.min())) / 86_400e6) if len(self) else 0.0
        )

    @property
    def churner(self) -> Int:
        """Which churner each tells of, int64[n] from 0 on; -1: none."""
        return churners(self.user, self.time, self.label, self.rhythm.reach)

    @property
    def monthly(self) -> float:
        """Churners in a month."""
        months = self.rhythm.months(int(self.time.min()), int(self.time.max()))
        return (int(self.churner.max()) + 1) / months

    def part(self, chosen: Bool) -> Pairs:
        """The chosen ones."""
        late = {variant: said[chosen] for variant, said in self.late.items()}
        time, label, user = self.time[chosen], self.label[chosen], self.user[chosen]
        weight, known = self.weight[chosen], self.known[chosen]
        return Pairs(self.rhythm, time, label, weight, user, known, late)

    def costs(self, threshold: float) -> dict[Variant, Cost]:
        """What each variant costs; threshold: probability from which on a user is triggered.

        Each on the cuts of which it can be told; nothing of those with fewer than LEAST churners,
        or others.
        """
        found, churner = {}, self.churner
        group = (self.user % np.uint64(GROUPS)).astype(np.int64)
        for variant, late in self.late.items():
            told = ~np.isnan(late)
            leaving = int(self.label[told].sum())
            if min(leaving, int(told.sum()) - leaving) >= LEAST or told.all():
                found[variant] = cost(
                    self.label[told],
                    self.weight[told],
                    self.known[told],
                    late[told],
                    group[told],
                    churner[told],
                    threshold,
                )
        return found
