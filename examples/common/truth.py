"""What really happened, from the prepared event files: labels, and how long a user was silent.

Times and spans are microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from examples.common.metrics import Bools, Floats, Ints

_DAY = 86_400_000_000
Users = np.ndarray[Any, Any]


class Truth(Protocol):
    """What an example knows about its users."""

    def labels(self, users: Users, times: Ints) -> tuple[Bools, dict[str, Bools]]:
        """Churn within the horizon, and which rows have no label, by the reason why."""

    def silence(self, users: Users, times: Ints) -> Floats:
        """Days since the user's last event at or before the time, inf for none."""


class EventTimes:
    """When each user's events were, to be asked for many users and times at once."""

    def __init__(self, users: Iterable[Any], times: Ints) -> None:
        self._names, codes = np.unique(np.asarray(list(users), dtype=object), return_inverse=True)
        order = np.lexsort((times, codes))
        self._starts = np.searchsorted(codes[order], np.arange(len(self._names) + 2))
        # The last one belongs to nobody: there is always a next one to look at.
        self._times = np.append(times[order], np.iinfo(np.int64).max)

    def before(self, users: Users, times: Ints) -> tuple[Ints, Ints]:
        """For each row the place of the user's first event, and of the first one after the time.

        Equal where the user has none up to then.
        """
        at = np.searchsorted(self._names, users)
        known = at < len(self._names)
        known[known] = self._names[at[known]] == users[known]
        code = np.where(known, at, 0)
        first = np.where(known, self._starts[code], 0)
        low, high = first.copy(), np.where(known, self._starts[code + 1], 0)
        while (low < high).any():
            middle = (low + high) // 2
            later = self._times[middle] > times
            high = np.where((low < high) & later, middle, high)
            low = np.where((low < high) & ~later, middle + 1, low)
        return first, low

    def silence(self, users: Users, times: Ints) -> Floats:
        """Days since the last event at or before the time, inf for none."""
        first, after = self.before(users, times)
        last = self._times[np.maximum(after - 1, 0)]
        return np.where(after > first, (times - last) / _DAY, np.inf)

    def any_within(self, users: Users, times: Ints, span: int) -> Bools:
        """Whether there is an event in (time, time + span]."""
        return np.asarray(self.before(users, times)[1] < self.before(users, times + span)[1])


@dataclass(frozen=True)
class OutcomeTruth:
    """Churn is an event of its own, one for each user: (time, whether it is churn)."""

    outcomes: dict[str, tuple[int, bool]]
    activity: EventTimes
    horizon: int
    known_until: int

    def labels(self, users: Users, times: Ints) -> tuple[Bools, dict[str, Bools]]:
        """Churn in (T, T + horizon]; leaving as planned is not churn."""
        found = [self.outcomes.get(user) for user in users]
        when = np.array([-1 if f is None else f[0] for f in found], dtype=np.int64)
        churned = np.array([f is not None and f[1] for f in found], dtype=np.bool_)
        labels = churned & (when > times) & (when <= times + self.horizon)
        unknown = np.array([f is None for f in found], dtype=np.bool_)
        late = ~unknown & (times + self.horizon > self.known_until)
        return labels, {"no outcome known": unknown, "horizon not closed": late}

    def silence(self, users: Users, times: Ints) -> Floats:
        """Days since the last activity."""
        return self.activity.silence(users, times)


@dataclass(frozen=True)
class SilenceTruth:
    """Churn is the absence of events: none in (T, T + horizon]."""

    activity: EventTimes
    horizon: int
    known_until: int

    def labels(self, users: Users, times: Ints) -> tuple[Bools, dict[str, Bools]]:
        """No event in (T, T + horizon]."""
        labels = ~self.activity.any_within(users, times, self.horizon)
        return labels, {"horizon not closed": times + self.horizon > self.known_until}

    def silence(self, users: Users, times: Ints) -> Floats:
        """Days since the last event."""
        return self.activity.silence(users, times)
