"""When a user is active: how many periods, in which runs, with which gaps.

A *period* is some panes long (a day, say) and counted back from the as-of time, so the newest one
always is a whole one: period 0 is ``(T - period, T]``. A user is active in a period with at least
one event. All of this follows from which panes have events, so it needs nothing stored beside
their counts, and neither the order of the events nor the batches they came in matter.

A *gap* is the distance between two active periods with none in between, from 1 period (no
break) up. Events inside one period make no gap: their distances cannot be merged over panes when
late events come, and say how long a session is, not when the user comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.grid import Bool, Float, Int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Active periods of ``users`` users.

    owner, back: int64[e], a user, and how many periods back it was active; a user's stand side
    by side, oldest first, all different.
    """

    owner: Int
    back: Int
    users: int

    @classmethod
    def of(cls, owner: Int, back: Int, users: int) -> Rhythm:
        """From one entry for each active pane, a user's side by side, oldest first."""
        new = _changes(owner) | _changes(back)
        return cls(owner[new], back[new], users)

    def active(self) -> Float:
        """Number of active periods, float64[users]."""
        return np.bincount(self.owner, minlength=self.users).astype(np.float64)

    def streak(self) -> Float:
        """Length of the run of active periods up to now; 0 without activity in the newest."""
        owner, newest, length = self._runs()
        found = np.zeros(self.users)
        found[owner[newest == 0]] = length[newest == 0]
        return found

    def longest_streak(self) -> Float:
        """Length of the longest run of active periods."""
        owner, _, length = self._runs()
        found = np.zeros(self.users)
        np.maximum.at(found, owner, length)
        return found

    def gap_mean(self) -> Float:
        """Mean gap in periods; NaN with fewer than one gap."""
        count, total, _ = self._gaps()
        return total / np.where(count >= 1, count, np.nan)

    def gap_std(self) -> Float:
        """Standard deviation (population's) of the gaps in periods; NaN with fewer than two."""
        count, total, squares = self._gaps()
        n = np.where(count >= 2, count, np.nan)
        spread: Float = np.sqrt(n * squares - total * total) / n  # whole numbers: exact
        return spread

    def gap_max(self) -> Float:
        """Longest gap in periods; NaN with fewer than one gap."""
        owner, step = self._steps()
        found = np.zeros(self.users)
        np.maximum.at(found, owner, step)
        return np.where(found > 0, found, np.nan)

    def _steps(self) -> tuple[Int, Float]:
        """All gaps: whose, and how long."""
        same = self.owner[1:] == self.owner[:-1]
        return self.owner[1:][same], (self.back[:-1] - self.back[1:])[same].astype(np.float64)

    def _gaps(self) -> tuple[Float, Float, Float]:
        """Number, sum and sum of squares of each user's gaps."""
        owner, step = self._steps()
        count, total, squares = (
            np.bincount(owner, weights=weights, minlength=self.users).astype(np.float64)
            for weights in (np.ones(len(step)), step, step * step)
        )
        return count, total, squares

    def _runs(self) -> tuple[Int, Int, Int]:
        """All runs: whose, how many periods back they end, how long they are."""
        begins = _changes(self.owner)
        begins[1:] |= self.back[:-1] - self.back[1:] != 1
        ends = np.append(begins[1:], np.True_)[: len(begins)]
        length = np.diff(np.flatnonzero(begins), append=len(begins))
        return self.owner[ends], self.back[ends], length


def _changes(values: Int) -> Bool:
    """Which elements differ from the one before; the first does."""
    changed = np.ones(len(values), dtype=np.bool_)
    changed[1:] = values[1:] != values[:-1]
    return changed
