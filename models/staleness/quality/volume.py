"""Too few or too many events, slot by slot: a pair of cumulative sums (Page, Biometrika 41, 1954).

A slot's count is compared with the expected one on the square root's scale, where chance has the
variance 1 (Anscombe, Biometrika 35, 1948), and what else makes hours differ adds to it in
proportion to the count: 1 + noise x expected. The sum of the deviations beyond ALLOWED crosses its
bound quickly when much is missing, slowly when a part is; where it was last next to zero (below one
deviation: of a source that shrinks it is seldom quite zero) the change began.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

ALLOWED: Final = 1.0
"""Deviations that count for nothing."""
FEWER, MORE = 0.7, 2.0
"""Volumes between these parts of the expected do not matter: campaigns bring half as many more."""


@dataclass(slots=True)
class Drift:
    """One direction. height: of the sum; since: the slot after which it was last below ALLOWED.

    events, expected: since then.
    """

    height: float = 0.0
    since: int = 0
    events: int = 0
    expected: float = 0.0

    def add(self, slot: int, deviations: float, events: int, expected: float) -> None:
        """The next slot. deviations: in the direction that is watched."""
        if self.height < ALLOWED:
            self.since, self.events, self.expected = slot, 0, 0.0
        self.height = max(0.0, self.height + deviations - ALLOWED)
        self.events += events
        self.expected += expected

    def clear(self) -> None:
        """Begin anew."""
        self.height = 0.0


def deviations(events: int, expected: float, noise: float) -> float:
    """How many standard deviations more events there are than expected."""
    scale = math.sqrt(1 + noise * expected)
    return 2 * (math.sqrt(events + 0.375) - math.sqrt(expected + 0.375)) / scale


def bound(slots: float) -> float:
    """Height that chance reaches once in so many slots (Siegmund, Sequential Analysis, 1985)."""
    return max(0.0, math.log(2 * ALLOWED**2 * slots) / (2 * ALLOWED) - 1.166)


def matters(events: int, expected: float) -> bool:
    """Whether the difference is large enough to be wrong rather than a busy or a quiet day."""
    return events < FEWER * expected or events > MORE * expected
