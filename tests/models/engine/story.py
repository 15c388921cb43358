"""A small deployment and its records: what the engine's tests are about.

Time is counted in seconds from START; the grid is 10 s, so that a handful of events crosses
windows, cuts, epochs and the end of the rings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from models.spec import (
    FeatureSpec,
    HealthSpec,
    LabelSpec,
    LearningSpec,
    ModelSpec,
    OnEventSpec,
    PopulationSpec,
    ScheduleSpec,
    ScoringSpec,
    SourceSpec,
    Spec,
)
from schemas.mapping import FieldMapping, OutcomeMapping, SourceMapping, TimeMapping

S = 1_000_000
START = 1_578_268_800 * S
"""2020-01-06, a Monday."""
GRID = 10 * S

OUTCOME = OutcomeMapping(("kind",), (("churn", "churn"), ("leave", "leave"), ("return", "return")))
FIELDS = (
    FieldMapping("n", ("data", "n"), "number", required=False),
    FieldMapping("k", ("data", "k"), "string", required=False),
    FieldMapping("b", ("data", "b"), "bool", required=False),
)


def source(name: str, **settings: Any) -> SourceSpec:
    mapping = SourceMapping(
        user=("user",),
        time=TimeMapping(("at",), "us"),
        event_id=("id",) if settings.pop("with_ids", False) else None,
        fields=() if name == "outcomes" else FIELDS,
        outcome=OUTCOME if name == "outcomes" else None,
    )
    settings.setdefault("stale_given", True)
    return SourceSpec(name, f"t.{name}", mapping, **settings)


USAGE = source(
    "usage",
    out_of_orderness=5 * S,
    allowed_lateness=30 * S,
    stale_after=15 * S,
    max_ids=64,
    with_ids=True,
)
BILLING = source("billing", completeness="heartbeat", allowed_lateness=60 * S, stale_after=25 * S)
OUTCOMES = source(
    "outcomes",
    completeness="clock",
    max_delay=20 * S,
    allowed_lateness=20 * S,
    stale_after=40 * S,
)

QUIZ = (("k", ("quiz", "été")),)
FEATURES = (
    FeatureSpec("count", "count", "usage", window=30 * S),
    FeatureSpec("sum", "sum", "usage", "n", window=60 * S),
    FeatureSpec("mean", "mean", "usage", "n", window=30 * S),
    FeatureSpec("min", "min", "usage", "n", window=30 * S),
    FeatureSpec("max", "max", "usage", "n", window=30 * S),
    FeatureSpec("std", "std", "usage", "n", window=60 * S),
    FeatureSpec("last", "last", "usage", "n"),
    FeatureSpec("first_seen", "first_seen_age", "usage"),
    FeatureSpec("last_seen", "last_seen_age", "usage"),
    FeatureSpec("quizzes", "count", "usage", where=QUIZ, window=60 * S),
    FeatureSpec("quiz_sum", "sum", "usage", "n", where=QUIZ, window=30 * S),
    FeatureSpec("quiz_last", "last", "usage", "n", where=QUIZ),
    FeatureSpec("quiz_seen", "last_seen_age", "usage", where=QUIZ),
    FeatureSpec("paid", "count", "billing", where=(("b", (True,)), ("n", (1, 2.0))), window=30 * S),
    FeatureSpec("kinds", "distinct", "usage", "k", window=60 * S),
    FeatureSpec("numbers", "distinct", "billing", "n", window=30 * S),
    FeatureSpec("ratio", "ratio", "usage", "n", window=10 * S, over=60 * S),
    FeatureSpec("trend", "trend", "usage", window=20 * S, over=60 * S),
    FeatureSpec("amount", "max", "billing", "n", window=20 * S),
    FeatureSpec("quiz_share", "share", "usage", where=QUIZ, window=60 * S),
    FeatureSpec("quiz_worth", "share", "usage", "n", where=QUIZ, window=30 * S),
    FeatureSpec("active", "active_periods", "usage", window=60 * S, period=20 * S),
    FeatureSpec("streak", "streak", "usage", window=60 * S, period=10 * S),
    FeatureSpec("longest", "longest_streak", "usage", window=60 * S, period=10 * S),
    FeatureSpec("gap", "gap_mean", "usage", window=60 * S, period=10 * S),
    FeatureSpec("gap_spread", "gap_std", "billing", window=60 * S, period=10 * S),
    FeatureSpec("gap_longest", "gap_max", "billing", window=60 * S, period=10 * S),
    FeatureSpec("quiz_gap", "gap_ratio", "usage", where=QUIZ, window=60 * S, period=20 * S),
    FeatureSpec("usual", "baseline_ratio", "usage", window=10 * S, over=60 * S),
    FeatureSpec("usual_paid", "baseline_z", "billing", "n", window=20 * S, over=60 * S),
    FeatureSpec("unusual", "baseline_z", "usage", window=10 * S, over=40 * S),
    FeatureSpec("billed", "last_seen_age", "billing"),
    FeatureSpec("in_quiz", "last_is", "usage", "k", values=("quiz", "été")),
    FeatureSpec("paid_up", "last_is", "billing", "b", values=(True,)),
    FeatureSpec("two", "last_is", "billing", "n", where=QUIZ, values=(2.0, 3)),
    FeatureSpec("due", "due_in", "usage", "n", window=60 * S, unit="days"),
    FeatureSpec("renewal", "last_due_in", "billing", "n", unit="days"),
    FeatureSpec("cycle", "user_cycle", period=45 * S),
    FeatureSpec("monthday", "day_of_month"),
    FeatureSpec("season", "season_sin"),
    FeatureSpec("winter", "season_cos"),
    FeatureSpec("age", "user_age"),
    FeatureSpec("weekday", "day_of_week"),
)

SPEC = Spec(
    app="story",
    clock="arrival",
    grid=GRID,
    max_future=10 * S,
    sources=(USAGE, BILLING, OUTCOMES),
    features=FEATURES,
    population=PopulationSpec(),
    labels=LabelSpec("outcome", horizon=40 * S, sources=("outcomes",)),
    scoring=ScoringSpec(
        schedule=ScheduleSpec(20 * S),
        on_event=None,
        bands=(("low", 0.0), ("medium", 0.3), ("high", 0.6)),
    ),
    model=ModelSpec(prior=0.2),
    learning=LearningSpec(
        every=30 * S, activation_delay=5 * S, example_every=40 * S, complete_within=20 * S
    ),
    health=HealthSpec(every=25 * S),
)
"""Scheduled scores, labels by explicit outcomes."""

EAGER = replace(
    SPEC,
    scoring=replace(SPEC.scoring, on_event=OnEventSpec(7 * S, ("usage", "billing"))),
    population=PopulationSpec(enter="usage", inactivity=70 * S),
)
"""Scores on events too; users enter by one source and are given up for silence."""

SILENT = replace(
    SPEC,
    labels=LabelSpec(
        "inactivity", horizon=40 * S, sources=("usage", "billing"), min_events=2, within=60 * S
    ),
)
"""Labels by inactivity."""

EVENTS_ONLY = replace(
    EAGER,
    scoring=replace(EAGER.scoring, schedule=None),
    labels=replace(SPEC.labels, leave="censor"),
)
"""No schedule: scores on events alone; a leave inside the horizon removes the cut."""


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """A record that a test produces. stamp: record timestamp; time: event time (both µs).

    raw: the value's bytes, when they are not those of a proper event.
    """

    source: str
    stamp: int
    user: str | None = None
    time: int | None = None
    id: str | None = None
    kind: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    beat: bool = False
    raw: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    def __repr__(self) -> str:
        """One line, times in seconds since START."""
        time = None if self.time is None else (self.time - START) / S
        parts = [self.source, f"{(self.stamp - START) / S:g}", self.user, f"@{time}", self.id]
        rest = [self.kind, self.data or None, "beat" if self.beat else None, self.raw]
        return " ".join(str(part) for part in (*parts, *rest) if part is not None)

    @property
    def value(self) -> bytes | None:
        if self.raw is not None:
            return self.raw
        content = {"user": self.user, "at": self.time, "id": self.id or "", "kind": self.kind}
        return orjson.dumps(
            {k: v for k, v in content.items() if v is not None} | {"data": self.data}
        )


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as a client hands it over."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def raw_record(item: Item, offset: int) -> Raw:
    headers = [*item.headers, *([("ebbline-heartbeat", b"1")] if item.beat else [])]
    key = None if item.user is None else item.user.encode()
    return Raw(offset, item.stamp // 1000, key, item.value, headers)


def event(source_name: str, arrival: float, user: str, time: float, **more: Any) -> Item:
    """An event of ``user`` at START + time seconds that arrives at START + arrival seconds."""
    names = ("id", "kind", "headers", "raw")
    data = {k: v for k, v in more.items() if k not in names}
    rest = {k: v for k, v in more.items() if k in names}
    if source_name == "usage" and "id" not in rest:
        rest["id"] = f"{arrival}-{user}-{time}-{sorted(data.items())}"
    return Item(source_name, at(arrival), user, at(time), data=data, **rest)


def beat(source_name: str, arrival: float, time: float | None = None) -> Item:
    """A heartbeat."""
    return Item(source_name, at(arrival), None, at(arrival if time is None else time), beat=True)


def at(seconds: float) -> int:
    """START + seconds, in microseconds."""
    return START + round(seconds * S)


def micros(text: str | None) -> int | None:
    """An RFC 3339 time as an output carries it, in microseconds."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00Z")
    return (moment.days * 86_400 + moment.seconds) * S + moment.microseconds


def topics(spec: Spec, items: Sequence[Item]) -> list[list[Raw]]:
    """The items as each source's topic partition holds them, in the order given."""
    found: list[list[Raw]] = [[] for _ in spec.sources]
    for item in items:
        held = found[spec.source_index(item.source)]
        held.append(raw_record(item, len(held)))
    return found
