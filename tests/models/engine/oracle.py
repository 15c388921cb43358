"""What the design says, computed record by record from plain lists: the engine's oracle.

Shares no code with ``models``: every feature is recomputed from all events of the user, every
watermark by a comparison, every label by looking at the outcomes. Slow and obvious.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.spec import SourceSpec, Spec
from schemas.ids import keyed_hash, stable_id
from schemas.murmur2 import partition_of
from tests.models.engine.harness import Models, probability
from tests.models.engine.story import Item, S
from tests.models.engine.wanted import Event, features

UNKNOWN = math.nan
BROKEN = {b"{": "not-json", b"7": "not-an-object", b"{}": "missing-user"}
KINDS = ("churn", "leave", "return")
ENDING = {"return": 0, "leave": 1, "churn": 2}


@dataclass
class Cut:
    """A cut that waits for its label."""

    time: int
    version: int
    probability: float
    vector: list[float]
    sources: dict[str, dict[str, Any]]


@dataclass
class User:
    """All that is known of a user."""

    events: list[list[Event]]
    outcomes: list[tuple[int, str]] = field(default_factory=list)
    ids: list[dict[str, int]] = field(default_factory=list)
    pending: list[Cut] = field(default_factory=list)
    entered: int | None = None
    last_score: int | None = None


@dataclass
class Clocks:
    """What one source has brought."""

    newest: int | None = None
    heartbeat: int | None = None
    heard: int | None = None
    events: int = 0
    heartbeats: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


# --- the whole of it -------------------------------------------------------------------------


@dataclass
class Oracle:
    """Lives through a history. lifetime: how long state is kept after a user's newest event."""

    spec: Spec
    partition: int = 0
    partitions: int = 1
    lifetime: int = 10**18
    users: dict[str, User] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    letters: dict[tuple[str, int], str] = field(default_factory=dict)
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)
    markers: list[int] = field(default_factory=list)
    clock: int | None = None

    def __post_init__(self) -> None:
        self.clocks = [Clocks() for _ in self.spec.sources]
        self.late = [False] * len(self.clocks)
        self.models = Models(self.spec)
        self.applied: dict[str, list[tuple[int, int]]] = {}

    def run(self, items: Sequence[Item]) -> Oracle:
        for arrival, s, offset, item in ordered(self.spec, items):
            if self.clock is None:
                self.clock = arrival
                self.next_cut = ceiling(arrival, self.every, self.anchor)
                self.next_epoch = ceiling(arrival, self.spec.learning.every, 0)
                self.next_check = ceiling(arrival, self.spec.health.every, 0)
            while min(self.next_check, self.next_cut, self.next_epoch) < arrival:
                self.cross()
            self.clock = max(self.clock, arrival)
            self.record(s, offset, arrival, item)
        return self

    @property
    def every(self) -> int:
        schedule = self.spec.scoring.schedule
        return schedule.every if schedule else self.spec.labels.horizon

    @property
    def anchor(self) -> int:
        schedule = self.spec.scoring.schedule
        return schedule.anchor if schedule else 0

    # --- records ---

    def record(self, s: int, offset: int, arrival: int, item: Item) -> None:
        source, seen = self.spec.sources[s], self.clocks[s]
        met = self.watermark(s)
        reason = self.reason(source, arrival, item)
        if reason is None and item.beat:
            assert item.time is not None
            seen.heartbeats += 1
            if source.completeness == "heartbeat":
                seen.heartbeat = max(seen.heartbeat or 0, item.time)
            return
        if reason is None:
            assert item.time is not None
            seen.newest = max(seen.newest or 0, item.time)
            if met is not None and item.time < met - source.allowed_lateness:
                reason = "late"
        if reason is not None:
            seen.rejected[reason] += 1
            self.letters[source.name, offset] = reason
            return
        self.event(s, offset, met, item)

    def reason(self, source: SourceSpec, arrival: int, item: Item) -> str | None:
        if item.raw is not None:
            return BROKEN[item.raw]
        assert item.time is not None
        if item.user is not None:
            home = partition_of(item.user.encode(), self.partitions)
            if home != self.partition:
                return "wrong-partition"
        return "future-time" if item.time > arrival + self.spec.max_future else None

    def event(self, s: int, offset: int, met: int | None, item: Item) -> None:
        assert item.user is not None
        assert item.time is not None
        source, n = self.spec.sources[s], len(self.spec.sources)
        self.clocks[s].heard = self.clock
        user = self.users.setdefault(
            item.user, User([[] for _ in range(n)], ids=[{} for _ in range(n)])
        )
        if source.mapping.event_id is not None and item.id is not None:
            first = user.ids[s].get(item.id)
            if first is not None and (met is None or first >= met - source.allowed_lateness):
                self.clocks[s].duplicates += 1
                return
            user.ids[s][item.id] = item.time
        self.clocks[s].events += 1
        self.applied.setdefault(item.user, []).append((s, offset))
        user.events[s].append(Event(item.time, dict(item.data)))
        if source.is_outcome:
            assert item.kind is not None
            user.outcomes.append((item.time, item.kind))
        if self.lets_enter(source, item):
            user.entered = min(user.entered or item.time, item.time)
        self.on_event(s, offset, item.user, user)

    def lets_enter(self, source: SourceSpec, item: Item) -> bool:
        enter = self.spec.population.enter
        if enter is not None:
            return source.name == enter
        return not source.is_outcome or item.kind == "return"

    def on_event(self, s: int, offset: int, name: str, user: User) -> None:
        rule, source = self.spec.scoring.on_event, self.spec.sources[s]
        if rule is None or source.name not in rule.sources:
            return
        assert self.clock is not None
        if user.last_score is not None and self.clock < user.last_score + rule.min_interval:
            return
        if self.at_risk(user, self.clock):
            self.score(name, user, self.clock, f"event:{source.topic}-{self.partition}-{offset}")

    # --- clocks ---

    def watermark(self, s: int) -> int | None:
        """Events older than this are not expected any more."""
        source, seen = self.spec.sources[s], self.clocks[s]
        marks = [seen.heartbeat] if seen.heartbeat is not None else []
        if seen.newest is not None:
            marks.append(seen.newest - source.out_of_orderness)
        if source.completeness == "clock" and self.clock is not None:
            marks.append(self.clock - source.max_delay)
        return max(marks, default=None)

    def complete_through(self, s: int, end: int) -> int | None:
        """All events at or before this are there."""
        source, seen = self.spec.sources[s], self.clocks[s]
        marks = [seen.heartbeat] if seen.heartbeat is not None else []
        if seen.newest is not None:
            marks.append(seen.newest - source.out_of_orderness - 1)
        if source.completeness == "clock":
            marks.append(end - source.max_delay)
        return max(marks, default=None)

    # --- population ---

    def at_risk(self, user: User, at: int) -> bool:
        entered = user.entered is not None and user.entered <= at
        return entered and self.active(user, at) and not ended(user, at)

    def active(self, user: User, at: int) -> bool:
        """Whether the user has not been given up for silence."""
        limit = self.spec.population.inactivity
        seen = [
            e.time
            for source, events in zip(self.spec.sources, user.events, strict=True)
            for e in events
            if not source.is_outcome
        ]
        return limit is None or max(seen, default=0) >= at - limit

    # --- points of time ---

    def cross(self) -> None:
        if self.next_check <= min(self.next_cut, self.next_epoch):
            self.clock, self.next_check = (
                self.next_check,
                self.next_check + self.spec.health.every,
            )
            self.check(self.clock)
            return
        if self.next_epoch <= self.next_cut:
            self.clock, self.next_epoch = (
                self.next_epoch,
                self.next_epoch + self.spec.learning.every,
            )
            self.close_epoch(self.clock)
            return
        self.clock, self.next_cut = self.next_cut, self.next_cut + self.every
        for name, user in sorted(self.users.items()):
            if self.at_risk(user, self.clock):
                self.cut(name, user, self.clock)

    def check(self, time: int) -> None:
        """Which sources are late; who was is so until well below the bound."""
        for s, source in enumerate(self.spec.sources):
            mark = self.watermark(s)
            self.late[s] = mark is not None and time - mark > self.bound(s, source.stale_after)

    def bound(self, s: int, configured: int) -> float:
        return 0.8 * configured if self.late[s] else configured

    def cut(self, name: str, user: User, time: int) -> None:
        cut = self.score(name, user, time, "schedule", silent=self.spec.scoring.schedule is None)
        spec = self.spec
        period = max(1, spec.learning.example_every // self.every)
        number = (time - self.anchor) // self.every
        chosen = keyed_hash(spec.learning.sample_key, name) % period == number % period
        if chosen and self.eligible(user, time):
            user.pending.append(cut)

    def eligible(self, user: User, time: int) -> bool:
        rule = self.spec.labels
        if rule.rule != "inactivity" or rule.within is None:
            return True
        return self.activity(user, time - rule.within, time) >= rule.min_events

    def activity(self, user: User, after: int, until: int) -> int:
        return sum(
            after < e.time <= until
            for source, events in zip(self.spec.sources, user.events, strict=True)
            if source.name in self.spec.labels.sources
            for e in events
        )

    def score(self, name: str, user: User, at: int, cause: str, *, silent: bool = False) -> Cut:
        spec = self.spec
        marks = [self.watermark(s) for s in range(len(spec.sources))]
        health = [self.health(s, at) for s in range(len(spec.sources))]
        as_of = [at if h == "fresh" else w for h, w in zip(health, marks, strict=True)]
        vector, effective = features(spec, user, at, as_of)
        model = self.models.in_force(at)
        chance = self.chance(vector, model.version)
        sources = {
            source.name: {
                "as_of": effective[s],
                "staleness_s": None if marks[s] is None else (at - (marks[s] or 0)) / S,
                "health": health[s],
                "treatment": {"fresh": "current", "unknown": "masked"}.get(health[s], "latest"),
            }
            for s, source in enumerate(spec.sources)
        }
        if not silent:
            user.last_score = at
            identity = stable_id(spec.app, name, at, spec.labels.horizon, cause)
            self.scores[identity] = {
                "user": name,
                "time": at,
                "cause": cause,
                "probability": chance,
                "version": model.version,
                "valid_from": model.valid_from,
                "sources": sources,
            }
        return Cut(at, model.version, chance, vector, sources)

    def health(self, s: int, at: int) -> str:
        """By the configured bound."""
        watermark, heard = self.watermark(s), self.clocks[s].heard
        bound = self.spec.sources[s].stale_after
        if watermark is None:
            return "unknown"
        if at - watermark <= self.bound(s, bound):
            return "fresh"
        if at - watermark <= bound:
            return "lagging"
        if heard is None or at - heard > bound or at - heard >= heard - watermark:
            return "stalled"
        return "lagging"

    def chance(self, vector: list[float], version: int) -> float:
        """What the model says."""
        return probability(vector, version)

    # --- learning ---

    def close_epoch(self, end: int) -> None:
        spec = self.spec
        through = [self.complete_through(s, end) for s in range(len(spec.sources))]
        labelled = [through[spec.source_index(name)] for name in spec.labels.sources]
        for name, user in self.users.items():
            for cut in list(user.pending):
                matured = all(
                    w is not None and cut.time + spec.labels.horizon <= w for w in labelled
                )
                complete = all(w is not None and cut.time <= w for w in through)
                limit = cut.time + spec.labels.horizon + spec.learning.complete_within
                if matured and (complete or limit <= end):
                    user.pending.remove(cut)
                    self.release(name, user, cut, end, through)
        self.markers.append(end)
        for name in [n for n, u in self.users.items() if self.forgotten(u, end)]:
            del self.users[name]

    def release(self, name: str, user: User, cut: Cut, end: int, through: list[int | None]) -> None:
        label = self.label(user, cut.time)
        if label is None:
            return
        as_of = [None if w is None else min(cut.time, w) for w in through]
        identity = stable_id(self.spec.app, "example", name, cut.time, self.spec.labels.horizon)
        self.examples[identity] = {
            "user": name,
            "time": cut.time,
            "epoch": end,
            "label": label,
            "vector": self.known(cut.vector),
            "complete": self.known(features(self.spec, user, cut.time, as_of)[0]),
            "probability": cut.probability,
            "model_version": cut.version,
            **{
                what: {name: state[what] for name, state in cut.sources.items()}
                for what in ("as_of", "health", "treatment")
            },
        }

    def known(self, vector: list[float]) -> dict[str, float]:
        names = [feature.name for feature in self.spec.features]
        return {n: v for n, v in zip(names, vector, strict=True) if not math.isnan(v)}

    def label(self, user: User, time: int) -> int | None:
        rule = self.spec.labels
        if rule.rule == "inactivity":
            return int(self.activity(user, time, time + rule.horizon) == 0)
        inside = [
            (t, KINDS.index(kind))
            for t, kind in user.outcomes
            if time < t <= time + rule.horizon and kind != "return"
        ]
        if rule.leave == "censor" and any(kind == 1 for _, kind in inside):
            return None
        return int(bool(inside) and min(inside)[1] == 0)

    def forgotten(self, user: User, end: int) -> bool:
        """Whether a user who is gone for good has been silent for long enough."""
        comes_back = any(kind == "return" and t > end for t, kind in user.outcomes)
        there = not ended(user, end) or comes_back
        if user.pending or (user.entered is not None and there and self.active(user, end)):
            return False
        newest = max(e.time for events in user.events for e in events)
        silence = self.spec.population.inactivity or 0
        return newest + silence + self.lifetime <= end


def ended(user: User, at: int) -> bool:
    """Whether the last known outcome is an end; among equal times a return comes first."""
    known = [(time, ENDING[kind]) for time, kind in user.outcomes if time <= at]
    return bool(known) and max(known)[1] > 0


def ordered(spec: Spec, items: Sequence[Item]) -> Iterator[tuple[int, int, int, Item]]:
    """Records by arrival, source, offset."""
    found, arrived, offsets = [], Counter[str](), Counter[str]()
    for item in items:
        arrived[item.source] = max(arrived[item.source], item.stamp // 1000 * 1000)
        found.append(
            (arrived[item.source], spec.source_index(item.source), offsets[item.source], item)
        )
        offsets[item.source] += 1
    return iter(sorted(found, key=lambda record: record[:3]))


def ceiling(at: int, every: int, anchor: int) -> int:
    """First point of anchor + k * every at or after ``at``."""
    return anchor + math.ceil((at - anchor) / every) * every
