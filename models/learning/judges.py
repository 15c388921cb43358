"""What a mixture's members said some time ago, for judging them as production would have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.compiled.mixture import Form
from models.learning.numerics import Floats, softplus
from models.learning.oblivious import Indices

_MOST = 8
_PER_LAG = 4


@dataclass(frozen=True, slots=True)
class Judge:
    """Members frozen when ``learned`` examples had been learned, with ``width`` columns."""

    learned: int
    width: int
    forms: tuple[Form, ...]

    def losses(self, rows: Floats, labels: Floats, weights: Floats) -> Floats:
        """Weighted log loss (n, k) of each member on rows (n, f) that it has not learned."""
        signs = np.where(labels == 1.0, -1.0, 1.0)
        known = rows[:, : self.width]
        each = [weights * softplus(signs * form.logits(known)) for form in self.forms]
        return np.stack(each, axis=1)


class Judges:
    """A few frozen copies of the members, the oldest as old as the labels are late.

    A row is judged by the newest copy that had learned no more than what was known when the row
    was scored, the oldest where there is none as old. There are at most nine: about four to a lag.

    Parameters
    ----------
    every
        Examples after which the members are frozen anew, at least.

    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._kept: list[Judge] = []
        self._next = 0

    def due(self, learned: int) -> bool:
        """Whether the members have to be frozen, ``learned`` examples having been learned."""
        return learned >= self._next

    def room(self, learned: int) -> int:
        """Examples that may be learned until they have to be frozen anew."""
        return self._next - learned

    def add(self, judge: Judge, known: int) -> None:
        """Keep a new copy; ``known``: examples that were known when the next row was scored."""
        lag = judge.learned - known
        self._next = judge.learned + max(1, min(self.every, judge.learned // 10), lag // _PER_LAG)
        self._kept.append(judge)
        while len(self._kept) > 1 and self._kept[1].learned <= known:
            del self._kept[0]
        if len(self._kept) > _MOST:
            del self._kept[1::2]

    def losses(self, rows: Floats, labels: Floats, weights: Floats, known: Indices) -> Floats:
        """Weighted log loss (n, k) of each member on n rows, each by its own judge."""
        ages = np.array([judge.learned for judge in self._kept])
        which = np.maximum(np.searchsorted(ages, known, side="right") - 1, 0)
        found = np.empty((len(rows), len(self._kept[0].forms)))
        for number in np.unique(which).tolist():
            those = which == number
            found[those] = self._kept[number].losses(rows[those], labels[those], weights[those])
        return found
