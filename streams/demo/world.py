"""The users of a subscription product, and why they leave it.

Every user has a mood that drifts; a user who is drifting away uses the product less and less.
Invoices fail now and then, and some tickets make angry users wait. These three things, all of
which leave traces in the events, set the hazard of cancelling; nothing else does. The hazard is
known here, so that it can be said how well anybody could have predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.times import DAY, HOUR

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

SCREENS = ("editor", "reports", "search", "settings", "sharing")
PLANS = ("basic", "team", "pro")
PRICES = (9.0, 29.0, 79.0)
SETTLING_DAYS = 25
_STEP = HOUR / DAY  # a step is one hour; rates below are per day
_AWAKE = np.array([0.2] * 7 + [1.0] * 4 + [1.6] * 10 + [0.6] * 3)  # use by hour of the day
_AWAKE = _AWAKE / _AWAKE.mean()


@dataclass(frozen=True, slots=True)
class Habits:
    """How users behave. Rates are per user and day; ``joins`` per missing user and day."""

    users: int = 600
    sessions: float = 2.5
    sessions_spread: float = 0.4
    begin_drifting: float = 0.015
    stop_drifting: float = 0.03
    drifting_mood: float = -2.6
    mood_pull: float = 0.4
    mood_noise: float = 0.3
    billing_days: float = 10.0
    payment_fails: float = 0.1
    retry_succeeds: float = 0.2
    tickets: float = 0.03
    angry: float = 0.4
    solved: float = 0.8
    solved_angry: float = 0.25
    hazard: float = 0.001
    hazard_mood: float = 1.4
    hazard_unpaid: float = 40.0
    hazard_angry: float = 25.0
    hazard_most: float = 0.5
    transfers: float = 0.0004
    returns: float = 0.004
    joins: float = 0.2


class Happening(NamedTuple):
    """Something a user did or met. ``detail`` depends on the kind."""

    source: str
    kind: str
    row: int
    at: int
    detail: tuple[float | int | str, ...] = ()


class World:
    """All users, one row each, moved on an hour at a time. Rows are never used again.

    Parameters
    ----------
    habits
        How users behave.
    seed
        The same seed gives the same happenings.
    """

    def __init__(self, habits: Habits, seed: int) -> None:
        self.habits = habits
        self._rng = np.random.default_rng([seed, 1])
        self.mood = np.zeros(0)
        self.base = np.zeros(0)
        self.invoice_in = np.zeros(0)
        self.plan = np.zeros(0, np.int64)
        self.drifting = np.zeros(0, bool)
        self.unpaid = np.zeros(0, bool)
        self.ticket = np.zeros(0, np.int64)
        self.angry = np.zeros(0, bool)
        self.active = np.zeros(0, bool)
        self.cancelled = np.zeros(0, bool)
        self._tickets = 0
        self._add(habits.users)
        self._settle()

    @property
    def users(self) -> int:
        """Rows so far: everybody who ever joined."""
        return len(self.mood)

    def hazard(self) -> Floats:
        """Rate of cancelling per day, now, for each row; NaN for those who are not customers."""
        h = self.habits
        rate = h.hazard * np.exp(-h.hazard_mood * self.mood)
        rate *= np.where(self.unpaid, h.hazard_unpaid, 1.0)
        rate *= np.where(self.angry, h.hazard_angry, 1.0)
        return np.where(self.active, np.minimum(rate, h.hazard_most), np.nan)

    def step(self, start: int) -> list[Happening]:
        """Live through the hour that begins at ``start``; happenings in no particular order."""
        out: list[Happening] = []
        self._return(start, out)
        self._move_moods()
        self._use(start, out)
        self._change(start, out)
        return out

    def _settle(self) -> None:
        """Live unseen for a while: a product that has been there has users in every condition."""
        for _ in range(24 * SETTLING_DAYS):
            self._return(0, [])
            self._move_moods()
            self._change(0, [])

    def _change(self, start: int, out: list[Happening]) -> None:
        self._bill(start, out)
        self._complain(start, out)
        self._end(start, out)
        self._join(start, out)

    def _add(self, count: int) -> Rows:
        rng, h, first = self._rng, self.habits, self.users
        columns: dict[str, NDArray[np.generic]] = {
            "mood": rng.normal(0.0, h.mood_noise, count),
            "base": h.sessions * np.exp(rng.normal(0.0, h.sessions_spread, count)),
            "invoice_in": rng.uniform(0.0, h.billing_days, count),
            "plan": rng.integers(0, len(PLANS), count),
            "drifting": np.zeros(count, bool),
            "unpaid": np.zeros(count, bool),
            "ticket": np.zeros(count, np.int64),
            "angry": np.zeros(count, bool),
            "active": np.ones(count, bool),
            "cancelled": np.zeros(count, bool),
        }
        for name, values in columns.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))
        return np.arange(first, first + count)

    def _some(self, among: NDArray[np.bool_], rate: float | Floats) -> Rows:
        """Rows of ``among`` to which something of this rate per day happens within the hour."""
        rows = np.flatnonzero(among)
        chances = rate[rows] if isinstance(rate, np.ndarray) else rate
        return rows[self._rng.random(len(rows)) < -np.expm1(-np.asarray(chances) * _STEP)]

    def _times(self, start: int, count: int) -> list[int]:
        times: list[int] = (start + self._rng.integers(0, HOUR, count)).tolist()
        return times

    def _move_moods(self) -> None:
        h = self.habits
        begin = self._some(self.active & ~self.drifting, h.begin_drifting)
        stop = self._some(self.active & self.drifting, h.stop_drifting)
        self.drifting[begin] = True
        self.drifting[stop] = False
        target = np.where(self.drifting, h.drifting_mood, 0.0)
        noise = self._rng.normal(0.0, h.mood_noise * np.sqrt(_STEP), self.users)
        self.mood += h.mood_pull * (target - self.mood) * _STEP + noise

    def _use(self, start: int, out: list[Happening]) -> None:
        rows = np.flatnonzero(self.active)
        hour = start // HOUR % 24
        weekend = (start // DAY + 3) % 7 >= 5  # the epoch began on a Thursday
        rate = self.base[rows] * np.exp(self.mood[rows]) * _AWAKE[hour] * (0.7 if weekend else 1.0)
        who = np.repeat(rows, self._rng.poisson(rate * _STEP))
        minutes = np.round(self._rng.gamma(2.0, 6.0, len(who)) * np.exp(0.3 * self.mood[who]), 1)
        screens = self._rng.integers(0, len(SCREENS), len(who)).tolist()
        for row, at, minute, screen in zip(
            who.tolist(), self._times(start, len(who)), minutes.tolist(), screens, strict=True
        ):
            out.append(Happening("usage", "session", row, at, (minute, SCREENS[screen])))

    def _bill(self, start: int, out: list[Happening]) -> None:
        h = self.habits
        self.invoice_in[self.active] -= _STEP
        due = np.flatnonzero(self.active & (self.invoice_in <= 0))
        self.invoice_in[due] += h.billing_days
        fails = self._rng.random(len(due)) < h.payment_fails
        retried = self._some(self.unpaid & self.active, 1.0)
        works = self._rng.random(len(retried)) < h.retry_succeeds
        for rows, good in ((due, ~fails), (retried, works)):
            for row, at, ok in zip(
                rows.tolist(), self._times(start, len(rows)), good.tolist(), strict=True
            ):
                kind = "payment_succeeded" if ok else "payment_failed"
                out.append(Happening("billing", kind, row, at))
                self.unpaid[row] = not ok

    def _complain(self, start: int, out: list[Happening]) -> None:
        h = self.habits
        rate = h.tickets * np.where(self.drifting, 2.0, 1.0)
        new = self._some(self.active & (self.ticket == 0), rate)
        solved = self._some(
            self.active & (self.ticket > 0), np.where(self.angry, h.solved_angry, h.solved)
        )
        angry = (self._rng.random(len(new)) < h.angry).tolist()
        for row, at, is_angry in zip(
            new.tolist(), self._times(start, len(new)), angry, strict=True
        ):
            self._tickets += 1
            self.ticket[row], self.angry[row] = self._tickets, is_angry
            tone = "angry" if is_angry else "calm"
            out.append(Happening("support", "opened", row, at, (self._tickets, tone)))
        for row, at in zip(solved.tolist(), self._times(start, len(solved)), strict=True):
            tone = "angry" if self.angry[row] else "calm"
            out.append(Happening("support", "solved", row, at, (int(self.ticket[row]), tone)))
            self.ticket[row], self.angry[row] = 0, False

    def _end(self, start: int, out: list[Happening]) -> None:
        """Cancel and transfer at the hour's very end: the hour's other events come before."""
        gone = self._some(self.active, np.nan_to_num(self.hazard()))
        out += [Happening("outcomes", "cancelled", r, start + HOUR - 1) for r in gone.tolist()]
        self.active[gone] = False
        self.cancelled[gone] = True
        moved = self._some(self.active, self.habits.transfers)
        out += [Happening("outcomes", "transferred", r, start + HOUR - 1) for r in moved.tolist()]
        self.active[moved] = False

    def _return(self, start: int, out: list[Happening]) -> None:
        """Some who cancelled come back, in a good mood, before the hour's other events."""
        back = self._some(self.cancelled, self.habits.returns)
        out += [Happening("outcomes", "reactivated", row, start) for row in back.tolist()]
        self.cancelled[back] = False
        self.active[back] = True
        self.drifting[back] = self.unpaid[back] = self.angry[back] = False
        self.mood[back], self.ticket[back] = 0.0, 0

    def _join(self, start: int, out: list[Happening]) -> None:
        """As many join as the product's size wants; joining is a billing event."""
        missing = self.habits.users - int(np.count_nonzero(self.active))
        count = int(self._rng.poisson(max(0, missing) * self.habits.joins * _STEP))
        rows = self._add(count)
        for row, at in zip(rows.tolist(), self._times(start, count), strict=True):
            out.append(Happening("billing", "subscription_created", row, at))
