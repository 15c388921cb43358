"""What truly happens to users, and how likely it was: nothing of this is ever sent anywhere."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from schemas.times import DAY
from streams.demo.payloads import user_id
from streams.demo.world import Happening


class Truth:
    """Outcomes of every user, and every user's true chance of cancelling each day.

    ``keep`` bounds the days that are remembered.
    """

    def __init__(self, keep: int = 120) -> None:
        self._keep = keep
        self._cancelled: defaultdict[str, list[int]] = defaultdict(list)
        self._chances: dict[int, NDArray[np.float64]] = {}
        self._outcomes: defaultdict[str, list[int]] = defaultdict(list)
        self._arrived: dict[str, int] = {}
        self.cancellations = 0

    def observe(self, now: int, chances: NDArray[np.float64]) -> None:
        """Note the chances at a day's beginning, one for each row, NaN for no customer."""
        self._chances[now] = chances
        while len(self._chances) > self._keep:
            del self._chances[next(iter(self._chances))]

    def happened(self, event: Happening) -> None:
        """Note an outcome; other happenings are of no interest here."""
        if event.source == "outcomes":
            self._outcomes[user_id(event.row)].append(event.at)
        if event.kind == "cancelled":
            self._cancelled[user_id(event.row)].append(event.at)
            self.cancellations += 1

    def arrived(self, user: str, arrival: int) -> None:
        """Note that a good record of the user has been sent: from now on she may be known."""
        self._arrived.setdefault(user, arrival)

    def at_risk(self, time: int) -> frozenset[str]:
        """Users whom anybody who knows the records sent by ``time`` must hold for customers.

        ``time`` is a day's beginning not long ago. Who had an outcome since the day before is
        left out: word of it may still have been on its way.
        """
        rows = np.flatnonzero(~np.isnan(self._chances.get(time, np.zeros(0))))
        users = map(user_id, rows.tolist())
        return frozenset(u for u in users if self._known(u, time) and not self._moving(u, time))

    def _known(self, user: str, time: int) -> bool:
        return self._arrived.get(user, time + 1) <= time

    def _moving(self, user: str, time: int) -> bool:
        return any(time - DAY < at <= time for at in self._outcomes.get(user, ()))

    def churned(self, user: str, time: int, horizon: int) -> bool:
        """Whether the user cancels in (time, time + horizon], as far as time has got."""
        times = self._cancelled.get(user, [])
        after = bisect_right(times, time)
        return after < len(times) and times[after] <= time + horizon

    def chance(self, user: str, time: int) -> float | None:
        """True chance at a day's beginning; None for one who was no customer, or is forgotten."""
        chances = self._chances.get(time)
        row = int(user.removeprefix("u-"))
        if chances is None or row >= len(chances) or np.isnan(chances[row]):
            return None
        return float(chances[row])
