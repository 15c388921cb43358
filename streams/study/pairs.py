"""Matured cuts as pairs: what was said, and what would have been said with something late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.watch.cost import Cost, cost
from models.watch.jackknife import GROUPS
from schemas.hashing import hash_texts
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

    time: int64[n], µs. label: float64[n]. group: int64[n], of each cut's user. known: what was
    said, float64[n]. late: for each variant what would have been said, float64[n], NaN on cuts of
    which that cannot be told.
    """

    time: Int
    label: Floats
    group: Int
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

    def part(self, chosen: Bool) -> Pairs:
        """The chosen ones."""
        late = {variant: said[chosen] for variant, said in self.late.items()}
        return Pairs(
            self.time[chosen], self.label[chosen], self.group[chosen], self.known[chosen], late
        )

    def costs(self, threshold: float) -> dict[Variant, Cost]:
        """What each variant costs; threshold: probability from which on a user is triggered.

        Each on the cuts of which it can be told; nothing of those with fewer than LEAST churners,
        or others.
        """
        found = {}
        for variant, late in self.late.items():
            told = ~np.isnan(late)
            churners = int(self.label[told].sum())
            if min(churners, int(told.sum()) - churners) >= LEAST or told.all():
                found[variant] = cost(
                    self.label[told], self.known[told], late[told], self.group[told], threshold
                )
        return found


def groups_of(users: Sequence[str]) -> Int:
    """Groups of users for the jackknife, int64[n], by a hash."""
    return (hash_texts(users) % np.uint64(GROUPS)).astype(np.int64)
