"""How often a source speaks, by hour of the week, and whether it is silent for too long.

The time between two checks is cut into ticks; a tick with any event is a pulse, so a burst counts
once. For each hour of the week the share of ticks with a pulse is learned, shrunk towards that of
the hour of the day and of all hours while little was seen (empirical Bayes). Silence is measured
by the pulses that would have been expected meanwhile (time rescaling: Brown, Barbieri et al.,
Neural Computation 2002): a night counts little, a busy noon much. What a usual silence is, in that
measure, is taken from the silences that were seen, so a source of bursts, a regular load each night
and a steady stream are each judged by their own past.

The bound is set by how often a false alarm is wanted: one in BUDGET months for each partition.
What ends such a silence is not taken for usual, and hours of the week change slowly; the alarm ends
when the pulses come again as densely as half of what is usual.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from operator import mul
from typing import Any

import numpy as np

from models.grid import NEVER, Float, Int
from models.staleness.sketch import Sketch
from models.staleness.tail import Tail, tail_of

TICKS = 60
"""Ticks between two checks, numbered 0 to 59; what happened in which is a bitmap of 60 bits."""
FLOOR = 30
"""Ticks of silence below which nothing is alarming."""
HOURS = 168
UNIT = 0.01
"""Silences are kept in hundredths of an expected pulse."""
HOUR = 3_600_000_000

_MILLION = 1_000_000
_PRIOR = 2.0
_PRIOR_PULSES = 4.0
"""What the average of all hours counts for: so many checks, or in a sparse source pulses."""
_MEMORY = 8
"""Weeks after which an hour of the week is learned no faster than by an eighth of what is new."""
_HALF_LIFE = 12 * 7 * 24
"""Hours of the clock after which a silence counts half."""
_MONTH = 30 * 24 * HOUR
BUDGET = 50
_LONGEST = 1e6
_DAILY = 24
"""Checks between two settlements."""


@dataclass(slots=True)
class Cadence:
    """What was learned of one source in one partition; changes at checks alone.

    rates: for each hour of the week (from Thursday 1970-01-01T00) the share of ticks with a pulse,
    in millionths; weeks: checks it was learned from; both [] before the first event. silences: in
    units of UNIT expected pulses; spans: the same silences in ticks, for people. prior: checks that
    the hour of the day counts for, against the hour of the week. each: expected pulses in a tick
    until the next check; overall: share of all ticks that have one. load: expected pulses since the
    newest one, at the last check; quiet: ticks since then. since: the first check. bound: the load
    above which a silence is unusual, 0 = too little is known. alarmed: the check at which it was,
    NEVER = it is not; resumed: the check at which it spoke again for the first time since.

    _sums: of the rates times the weeks, and of the weeks; [] = to be found, and not durable, as
    orjson leaves out what begins with an underscore.
    """

    rates: list[int] = field(default_factory=list)
    weeks: list[int] = field(default_factory=list)
    silences: Sketch = field(default_factory=Sketch)
    spans: Sketch = field(default_factory=Sketch)
    prior: float = 2.0
    each: float = 0.0
    overall: float = 0.0
    load: float = 0.0
    quiet: int = 0
    since: int = NEVER
    bound: float = 0.0
    alarmed: int = NEVER
    resumed: int = NEVER
    _sums: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Cadence:
        """Read what was durable."""
        silences, spans = (Sketch(**content.pop(name)) for name in ("silences", "spans"))
        return cls(**content, silences=silences, spans=spans)

    def _expect(self, start: int) -> float:
        """Expected pulses in a tick of the time between the checks ``start`` and the next.

        A rate q stands for -log(1 - q): then exp(-load) is the chance of that much silence if the
        ticks are independent.
        """
        if not self._sums:
            self._sums = [sum(map(mul, self.rates, self.weeks)), sum(self.weeks)]
        whole, known = self._sums
        self.overall = round(whole / _MILLION / max(1, known), 9)
        slot = hour_of_week(start)
        hour, own = slice(slot % 24, None, 24), self.weeks[slot]
        rates, weeks = self.rates[hour], self.weeks[hour]
        wide = max(_PRIOR, _PRIOR_PULSES / (TICKS * max(self.overall, 1e-6)))
        seen = sum(map(mul, rates, weeks)) / _MILLION
        daily = (seen + wide * self.overall) / (sum(weeks) + wide)
        rate = (self.rates[slot] / _MILLION * own + self.prior * daily) / (own + self.prior)
        return round(-math.log1p(-min(rate, 0.98)), 9)

    def tail(self) -> Tail | None:
        """What usual silences are like."""
        return tail_of(self.silences)

    def chance(self, load: float) -> float | None:
        """P(so much silence or more), load in expected pulses; None while too little is known."""
        tail = self.tail() if self.bound else None
        return None if tail is None else tail.chance(load / UNIT)

    def check(self, time: int, every: int, learn_for: int, pulses: int, heard: int) -> None:
        """Learn from the ticks since the last check. pulses: their bitmap. heard: newest event."""
        if self.since == NEVER:
            if not pulses:
                return
            self.since = time
            self.rates, self.weeks = [0] * HOURS, [0] * HOURS
        known = self.alarmed == NEVER and time - self.since >= learn_for // 2
        self._measure(pulses, known=known)
        self._judge(time, every, pulses, heard)
        if self.alarmed == NEVER or time - self.alarmed < learn_for:
            self._learn(time, every, pulses)
        if self.alarmed == NEVER:
            if time // every % _DAILY == 0:
                self._settle(time, every, learn_for)
        elif self.resumed != NEVER and time - self.resumed > 4 * learn_for:
            self._begin_anew()
        if self.rates:
            self.each = self._expect(time)

    def _measure(self, pulses: int, *, known: bool) -> None:
        """Follow the silence through the ticks; note those that ended, if they were usual."""
        if not pulses:
            self.load = round(min(self.load + TICKS * self.each, _LONGEST), 6)
            self.quiet += TICKS
            return
        first, last = (pulses & -pulses).bit_length() - 1, pulses.bit_length() - 1
        if known and self.each:
            unit, between = self.each / UNIT, Counter(_between(pulses)).items()
            self.spans.add_weighed([*between, (first + 1 + self.quiet, 1)])
            at_this_rate = [*between, (first + 1 + self.load / self.each, 1)]
            self.silences.add_weighed([(span * unit, count) for span, count in at_this_rate])
        self.load = round((TICKS - 1 - last) * self.each, 6)
        self.quiet = TICKS - 1 - last

    def _judge(self, time: int, every: int, pulses: int, heard: int) -> None:
        silent = (time - heard) * TICKS // every
        if self.bound and self.load > self.bound and silent >= FLOOR:
            self.alarmed = time if self.alarmed == NEVER else self.alarmed
        elif self.alarmed != NEVER and pulses:
            self.resumed = time if self.resumed == NEVER else self.resumed
            if _as_usual(pulses, self.each):
                self.alarmed = self.resumed = NEVER

    def _learn(self, time: int, every: int, pulses: int) -> None:
        slot, most = hour_of_week(time - every), _MEMORY * max(1, HOUR // every)
        seen = min(self.weeks[slot] + 1, most)
        share = pulses.bit_count() * _MILLION // TICKS
        before, weeks = self.rates[slot], self.weeks[slot]
        self.rates[slot] += (share - before) // seen
        self.weeks[slot] = seen
        if self._sums:
            self._sums[0] += self.rates[slot] * seen - before * weeks
            self._sums[1] += seen - weeks

    def _settle(self, time: int, every: int, learn_for: int) -> None:
        """Once in a while: let old silences fade, and say what is too long."""
        fading = 0.5 ** (_DAILY * every / (_HALF_LIFE * HOUR))
        self.silences.fade(fading)
        self.spans.fade(fading)
        self.prior = _prior(np.array(self.rates) / _MILLION, np.array(self.weeks))
        tail = self.tail() if time - self.since >= learn_for else None
        self.bound = 0.0
        if tail is not None:
            monthly = max(1.0, self.overall * (_MONTH * TICKS / every))
            self.bound = round(tail.reached(1 / (BUDGET * monthly)) * UNIT, 6)

    def _begin_anew(self) -> None:
        """It speaks, but otherwise than it used to, and has for long: learn that from nothing."""
        fresh = Cadence()
        names = ("rates", "weeks", "silences", "spans", "each", "load", "quiet", "since", "bound")
        for name in (*names, "_sums"):
            setattr(self, name, getattr(fresh, name))
        self.alarmed = self.resumed = NEVER


def hour_of_week(time: int) -> int:
    """Number of the hour of the week: 0 to 167.

    >>> hour_of_week(0), hour_of_week(25 * HOUR), hour_of_week(-HOUR)
    (0, 25, 167)
    """
    return time // HOUR % HOURS


def _between(pulses: int) -> list[int]:
    """Distances of the pulses from each other, ticks.

    >>> _between(0b1001_1000)
    [3, 1]
    """
    ends = f"{pulses:b}".rstrip("0").split("1")[1:-1]
    return [len(silence) + 1 for silence in ends]


def _prior(rates: Float, weeks: Int) -> float:
    """How much the hours of one time of day are alike, as checks that their mean counts for.

    Beta-binomial, by moments: the variance of the rates of a time of day over the days of the week,
    less what sampling explains, is mean * (1 - mean) / (prior + 1), prior in ticks.
    """
    by_day, ticks = rates.reshape(7, 24), TICKS * np.maximum(weeks.reshape(7, 24), 1)
    mean = np.add.reduce(by_day) / 7
    within, apart = mean * (1 - mean), by_day - mean
    sampling = np.add.reduce(within / ticks, axis=None) / HOURS
    between = np.add.reduce(np.add.reduce(apart * apart) / 6) / 24 - sampling
    alike = float(np.add.reduce(within) / 24 / max(between, 1e-9)) - 1
    return round(min(max(alike, 3.0), 100.0 * TICKS) / TICKS, 6)


def _as_usual(pulses: int, each: float) -> bool:
    """Whether a source that was silent speaks again about as densely as it used to."""
    since = TICKS - (pulses & -pulses).bit_length() + 1
    count, expected = pulses.bit_count(), -math.expm1(-each)
    return count >= min(3.0, TICKS * expected / 2) and count >= since * expected / 2
