"""How unusual a silence is: a tail fitted to the longest silences that were seen.

Peaks over a threshold (Pickands: "Statistical inference using extreme order statistics", Annals of
Statistics 1975) with an exponential tail: of all silences the share ``above`` was longer than
``start``, and those by ``mean`` on average; so P(silence >= x) = above * exp(-(x - start) / mean).
The mean is enlarged where few were seen, and is never below a tenth of the start: a source that was
like clockwork so far may still be a little late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.staleness.sketch import EDGES, Sketch

SAMPLE = 14.0
"""Silences that must have been seen before anything is said about them."""

_TAIL = 0.05
_FEWEST = 3.0


@dataclass(frozen=True, slots=True)
class Tail:
    """P(silence >= x) for x above ``start``; see the module."""

    start: float
    above: float
    mean: float

    def chance(self, x: float) -> float:
        """P(silence >= x); 1 below the start, of which the tail says nothing."""
        return 1.0 if x <= self.start else self.above * math.exp(-(x - self.start) / self.mean)

    def reached(self, chance: float) -> float:
        """The x at which P(silence >= x) has fallen to so much."""
        return self.start + self.mean * max(0.0, math.log(self.above / chance))


def tail_of(silences: Sketch) -> Tail | None:
    """Fit the tail of a sketch; None while too few were seen."""
    total = silences.total
    if total < SAMPLE:
        return None
    wanted, above, longer = max(_FEWEST, _TAIL * total), 0.0, 0.0
    k = len(silences.buckets)
    while k > 1 and above + silences.weights[k - 1] <= wanted:
        k -= 1
        above += silences.weights[k]
        longer += silences.weights[k] * EDGES[silences.buckets[k]]
    start = EDGES[silences.buckets[k - 1]]
    excess = longer / above - start if above else 0.0
    mean = max(excess, 0.1 * start) * (1 + 1 / math.sqrt(max(above, 1.0)))
    return Tail(start, max(above, 1.0) / total, mean)
