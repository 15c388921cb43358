"""Simulated time in, records out: what the world's systems send, when it arrives.

No clock, no I/O. The same seed and the same faults at the same simulated times give the same
records, however the time is cut into calls.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass

import numpy as np
import orjson

from schemas.reasons import Reject
from schemas.times import DAY, HOUR, MINUTE
from streams.demo.faults import Faults, FaultSpan
from streams.demo.oracle import churn_probability
from streams.demo.payloads import HEARTBEATS, MAKERS, damaged, user_id
from streams.demo.simtime import START
from streams.demo.truth import Truth
from streams.demo.world import Habits, Happening, World


@dataclass(frozen=True, slots=True)
class SimRecord:
    """One record to produce. ``user`` None: a heartbeat, for every partition of the topic.

    at: event time; arrival: the record's timestamp; damage: why it must be rejected.
    """

    source: str
    user: str | None
    at: int
    arrival: int
    value: bytes
    damage: Reject | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """How long records of a source take to arrive: exponential, never above ``most``."""

    mean: int
    most: int


DELAYS: dict[str, Delay] = {
    "usage": Delay(10 * MINUTE, 2 * HOUR),
    "billing": Delay(60 * MINUTE, 6 * HOUR),
    "support": Delay(30 * MINUTE, 6 * HOUR),
    "outcomes": Delay(60 * MINUTE, 6 * HOUR),
}


class Simulator:
    """The product's systems: users live, their events arrive with delays and faults.

    Parameters
    ----------
    seed
        Decides everything but the faults.
    habits
        How users behave.
    start
        Simulated time to begin at.
    horizon
        Of the oracle's predictions, in microseconds.
    damaged_per_day
        Mean number of damaged records a day.
    """

    def __init__(
        self,
        seed: int = 1,
        habits: Habits | None = None,
        *,
        start: int = START,
        horizon: int = 7 * DAY,
        damaged_per_day: float = 1.0,
    ) -> None:
        self.world = World(habits or Habits(), seed)
        self.faults = Faults()
        self.truth = Truth()
        self.now = start
        self.events: Counter[str] = Counter()
        self.damaged: list[tuple[int, Reject]] = []
        self.spans: list[FaultSpan] = []
        self._rng = np.random.default_rng([seed, 2])
        self._horizon = horizon
        self._damage_rate = damaged_per_day / 24
        self._stepped = start
        self._numbers = self._posted = 0
        self._transit: list[tuple[int, int, SimRecord]] = []
        self._withheld: dict[str, list[SimRecord]] = {}

    def advance(self, until: int) -> list[SimRecord]:
        """Move simulated time on to ``until``; records that have arrived, by arrival time."""
        out: list[SimRecord] = []
        while self._stepped < until:
            self._arrive(self._stepped, out)
            self._hour(self._stepped, out)
            self._stepped += HOUR
        self._arrive(until, out)
        self.now = max(self.now, until)
        return out

    @property
    def cut(self) -> frozenset[str]:
        """Sources that are cut at the moment."""
        return frozenset(self._withheld)

    def _hour(self, start: int, out: list[SimRecord]) -> None:
        """One hour of the world, its records put on their way; faults change here only."""
        self._apply_faults(start, out)
        if start % DAY == 0:
            self.truth.observe(start, churn_probability(self.world, self._horizon / DAY))
        for event in self.world.step(start):
            self._send(event)
        self._send_damaged(start)
        self._beat(start)

    def _apply_faults(self, now: int, out: list[SimRecord]) -> None:
        wanted = self.faults.wanted_cut
        for source in sorted(wanted - self.cut):
            self._withheld[source] = []
            self.spans.append(FaultSpan(source, now))
        for source in sorted(self.cut - wanted):
            self._land(self._withheld.pop(source), now, out)
            self.spans = [
                FaultSpan(s.source, s.start, now) if s.source == source and s.end is None else s
                for s in self.spans
            ]

    def _land(self, backlog: list[SimRecord], now: int, out: list[SimRecord]) -> None:
        """Everything that was withheld arrives now, in the order in which it was sent."""
        for record in backlog:
            late = SimRecord(
                record.source, record.user, record.at, now, record.value, record.damage
            )
            self._emit(late, out)

    def _send(self, event: Happening) -> None:
        self.truth.happened(event)
        self._numbers += 1
        plan = int(self.world.plan[event.row])
        value = orjson.dumps(MAKERS[event.source](event, self._numbers, plan))
        self._post(event.source, user_id(event.row), event.at, self._lag(event.source), value)

    def _send_damaged(self, start: int) -> None:
        for _ in range(int(self._rng.poisson(self._damage_rate))):
            self._numbers += 1
            at = start + int(self._rng.integers(0, HOUR))
            value, reason = damaged(self._numbers, at)
            self._post("usage", user_id(0), at, self._lag("usage"), value, reason)

    def _beat(self, start: int) -> None:
        """Heartbeats claim no more than the slowest record allows."""
        for source, make in HEARTBEATS.items():
            complete = start - DELAYS[source].most - self.faults.delay_of(source)
            self._post(source, None, complete, start - complete, orjson.dumps(make(complete)))

    def _lag(self, source: str) -> int:
        delay = DELAYS[source]
        return min(int(self._rng.exponential(delay.mean)), delay.most)

    def _post(
        self,
        source: str,
        user: str | None,
        at: int,
        lag: int,
        value: bytes,
        damage: Reject | None = None,
    ) -> None:
        arrival = at + lag
        if user is not None:
            arrival += self.faults.delay_of(source)
        self._posted += 1  # breaks ties: records are not comparable
        record = SimRecord(source, user, at, arrival, value, damage)
        heapq.heappush(self._transit, (arrival, self._posted, record))

    def _arrive(self, until: int, out: list[SimRecord]) -> None:
        while self._transit and self._transit[0][0] < until:
            record = heapq.heappop(self._transit)[2]
            held = self._withheld.get(record.source)
            if held is None:
                self._emit(record, out)
            elif record.user is not None:
                held.append(record)

    def _emit(self, record: SimRecord, out: list[SimRecord]) -> None:
        out.append(record)
        if record.damage is not None:
            self.damaged.append((record.arrival, record.damage))
        elif record.user is not None:
            self.events[record.source] += 1
            if record.source != "outcomes":  # users enter with what they do, not with how it ends
                self.truth.arrived(record.user, record.arrival)
