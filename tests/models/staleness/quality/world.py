"""A source with days and weeks, sessions and heavy users, and a gate that watches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from models.grid import NEVER
from models.spec import (
    FeatureSpec,
    HealthSpec,
    LabelSpec,
    LearningSpec,
    ModelSpec,
    PopulationSpec,
    QualitySpec,
    ScheduleSpec,
    ScoringSpec,
    SourceSpec,
    Spec,
)
from models.staleness.corruption import Interval, Intervals
from models.staleness.quality.gate import Gate
from models.staleness.quality.state import Quality, quality_from
from models.staleness.quality.tally import Records
from schemas.events import EventBatch
from schemas.mapping import FieldMapping, SourceMapping, TimeMapping
from schemas.reasons import Reject
from schemas.times import DAY, HOUR

SLOT = 6 * HOUR
START = 18_262 * DAY
"""2020-01-01, a Wednesday."""
LEARNED = 35
"""Days of clean data that the gate has seen before a fault."""

MAPPING = SourceMapping(
    ("user",),
    TimeMapping(("at",), "us"),
    fields=(
        FieldMapping("amount", ("amount",), "number", required=False),
        FieldMapping("kind", ("kind",), "string", required=False),
        FieldMapping("unused", ("unused",), "number", required=False),
    ),
)
SOURCE = SourceSpec("usage", "t", MAPPING, allowed_lateness=DAY, quality=QualitySpec())
FEATURES = (
    FeatureSpec("spent", "sum", "usage", "amount", window=DAY),
    FeatureSpec("a", "count", "usage", where=(("kind", ("a",)),), window=DAY),
)
KINDS = np.array([3, 9, 17, 25], dtype=np.uint64) << np.uint64(59)


def spec_of(source: SourceSpec = SOURCE) -> Spec:
    return Spec(
        app="world",
        clock="arrival",
        grid=HOUR,
        max_future=HOUR,
        sources=(source,),
        features=FEATURES,
        population=PopulationSpec(),
        labels=LabelSpec("inactivity", horizon=DAY, sources=("usage",)),
        scoring=ScoringSpec(ScheduleSpec(DAY), None, (("low", 0.0),)),
        model=ModelSpec(),
        learning=LearningSpec(DAY, HOUR, DAY, 0),
        health=HealthSpec(SLOT),
    )


@dataclass(frozen=True, slots=True)
class Log:
    """n records in arrival order, arrays of n. bad: rejected ones."""

    times: Any
    arrivals: Any
    users: Any
    amounts: Any
    kinds: Any
    bad: Any

    def part(self, chosen: Any) -> Log:
        columns = [getattr(self, name)[chosen] for name in self.__slots__]
        return Log(*columns)

    def ordered(self) -> Log:
        return self.part(np.argsort(self.arrivals, kind="stable"))

    def since(self, day: float) -> Log:
        return self.part(self.arrivals > at(day))

    def until(self, day: float) -> Log:
        return self.part(self.arrivals <= at(day))

    def within(self, begin: float, end: float) -> Any:
        return (self.arrivals > at(begin)) & (self.arrivals <= at(end))

    def but(self, **columns: Any) -> Log:
        return replace(self, **columns)


def at(day: float) -> int:
    """Time of a day of the world."""
    return START + round(day * DAY)


def log(days: int, seed: int = 1, rate: float = 45.0) -> Log:
    """Events of so many days, about ``rate`` in an hour, of 400 users in sessions of three."""
    g = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    shape = (1 + 0.6 * np.sin(hours / 24 * 2 * np.pi)) * np.where(hours // 24 % 7 > 4, 0.6, 1.0)
    sessions = g.poisson(rate / 3 * shape)
    begin = START + (np.repeat(hours, sessions) + g.random(sessions.sum())) * HOUR
    size = 1 + g.poisson(2, len(begin))
    users = np.repeat(g.integers(0, 400, len(begin)), size)
    times = (np.repeat(begin, size) + g.exponential(60e6, len(users))).astype(np.int64)
    habits = g.normal(3, 0.5, 400)
    amounts = np.round(np.exp(habits[users] + g.normal(0, 0.8, len(users))), 2)
    amounts[g.random(len(users)) < 0.02] = np.nan
    kinds = KINDS[np.minimum(g.geometric(0.5, len(users)) - 1, 3)]
    arrivals = times + g.exponential(30e6, len(users)).astype(np.int64)
    return Log(times, arrivals, users, amounts, kinds, np.zeros(len(users), bool)).ordered()


class Watch:
    """A gate that lives through logs; its state goes through JSON at every restart."""

    def __init__(self, spec: Spec, state: bytes | None = None) -> None:
        self.spec = spec
        self.clock, self.reached = START, NEVER
        self.quality, self.intervals = Quality(), Intervals()
        if state is not None:
            content = orjson.loads(state)
            self.clock, self.reached = content["clock"], content["reached"]
            self.quality = quality_from(content["quality"])
            self.intervals = Intervals([Interval(**one) for one in content["known"]])
        self.gate = Gate(spec, spec.sources[0], 0, self.quality, self.intervals)

    def state(self) -> bytes:
        known = self.intervals.known
        names = {"clock": self.clock, "reached": self.reached}
        return orjson.dumps(names | {"quality": self.quality, "known": known})

    def live(self, events: Log, cuts: Sequence[int] = ()) -> Watch:
        """Take in records, cut into pieces at the checks and at ``cuts``; check on the grid."""
        arrivals = np.maximum.accumulate(np.maximum(events.arrivals, self.clock))
        start, every = 0, self.spec.health.every
        while start < len(arrivals):
            due = (self.clock // every + 1) * every
            stop = int(np.searchsorted(arrivals, due, side="right"))
            stop = min([stop, *(cut for cut in cuts if cut > start)])
            if stop > start:
                self._gather(events.part(slice(start, stop)))
                self.clock, start = int(arrivals[stop - 1]), stop
            if start < len(arrivals) and arrivals[start] > due:
                self.gate.check(due, self.reached)
                self.clock = due
        return self

    def _gather(self, piece: Log) -> None:
        n = len(piece.times)
        batch = EventBatch(
            users=[f"u{user}" for user in piece.users.tolist()],
            times=piece.times,
            heartbeat=np.zeros(n, bool),
            ids=_ids(piece) if self.spec.sources[0].mapping.event_id else np.zeros(n, np.uint64),
            kinds=np.full(n, -1, np.int8),
            fields={"amount": piece.amounts, "kind": piece.kinds, "unused": np.full(n, np.nan)},
            rejects={},
        )
        good = ~piece.bad
        seen = np.where(good, piece.times, NEVER)
        reached = np.maximum.accumulate(np.maximum(seen, self.reached))
        before = np.concatenate([[self.reached], reached[:-1]])
        late = good & (piece.times < before - self.spec.sources[0].allowed_lateness)
        rejected = dict.fromkeys(np.flatnonzero(piece.bad).tolist(), (Reject.NULL_FIELD, ""))
        rejected |= dict.fromkeys(np.flatnonzero(late).tolist(), (Reject.LATE, ""))
        users = piece.users.astype(np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
        stretch = np.zeros(n, dtype=np.int64)
        records = Records(batch, users, piece.arrivals, good & ~late, reached, rejected, stretch)
        for came in self.gate.gathered(records, np.empty(0, dtype=np.int64)).values():
            self.gate.take(came)
        self.reached = int(reached[-1])


def _ids(piece: Log) -> Any:
    """An event's id: what it is made of."""
    mixed = piece.times.astype(np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    return mixed ^ (piece.users.astype(np.uint64) << np.uint64(48))
