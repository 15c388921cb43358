"""Who has left, each once, however many of his cuts have told of it.

The same departure stands in the label of every cut within the horizon before it. A replay with
daily cuts sees it 28 times, a deployment that keeps an example in each horizon once; there is one
churner to be saved in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.grid import Int
from models.learning.numerics import Floats
from models.spec import LabelSpec, Spec

MONTH = 30 * 86_400e6
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How cuts and departures hang together, all in microseconds.

    every: distance of the deployment's cuts. step: of those of one user that are looked at, their
    phases being spread evenly over it. reach: for how long a user's cuts tell of one departure:
    the horizon before it; where churn is silence, the time for which silence is looked at.
    """

    every: int
    step: int
    reach: int

    @classmethod
    def of_cuts(cls, spec: Spec) -> Rhythm:
        """Every cut is looked at."""
        return cls(spec.cuts.every, spec.cuts.every, _reach(spec.labels))

    @classmethod
    def of_examples(cls, spec: Spec) -> Rhythm:
        """Those cuts that are examples."""
        every = spec.cuts.every
        step = max(every, spec.learning.example_every // every * every)
        return cls(every, step, _reach(spec.labels))

    def months(self, first: int, last: int) -> float:
        """Over how long the churners of the cuts from first to last have left.

        A departure is met with probability min(1, w / step), w being how much of the reach before
        it lies among the cuts: for the w of a departure at any time, the integral of that.
        """
        span = last - first + self.every
        if self.step > min(span, self.reach):
            return span * self.reach / self.step / MONTH
        return (span + self.reach - self.step) / MONTH


def _reach(rule: LabelSpec) -> int:
    silence = rule.within if rule.rule == "inactivity" else None
    return silence or rule.horizon


def churners(user: NDArray[np.uint64], time: Int, label: Floats, reach: int) -> Int:
    """Of each of n cuts which churner it tells of, int64[n] from 0 on; -1: its user stayed.

    A user's cuts tell of one departure where none in between says that he stays, and none is
    further than ``reach`` (microseconds) from the one before it.
    """
    order = np.lexsort((time, user))
    leaves = label[order] == 1.0
    another = np.ones(len(order), dtype=np.bool_)
    another[1:] = (
        (user[order][1:] != user[order][:-1])
        | ~leaves[:-1]
        | (time[order][1:] - time[order][:-1] > reach)
    )
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.where(leaves, np.cumsum(leaves & another) - 1, -1)
    return found
