"""The bench's job for the core alone: its configuration, and a backlog of its records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.spec import (
    FeatureSpec,
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
from schemas.mapping import FieldMapping, SourceMapping, TimeMapping
from schemas.murmur2 import partition_of

S = 1_000_000
DAY = 86_400 * S
START = 1_578_268_800 * S
"""2020-01-06, a Monday."""
SHARES = {"usage": 0.8, "support": 0.1, "billing": 0.1}
KINDS = {
    "usage": ("view", "play", "quiz", "search"),
    "support": ("ticket", "chat", "call"),
    "billing": ("charge", "refund", "fail"),
}

MAPPING = SourceMapping(
    user=("user",),
    time=TimeMapping(("ts",), "ms"),
    fields=(
        FieldMapping("kind", ("kind",), "string", required=False),
        FieldMapping("value", ("value",), "number", required=False),
    ),
)


def _feature(name: str, agg: str, source: str, **more: object) -> FeatureSpec:
    days = {k: v * DAY for k, v in more.items() if k in ("window", "over")}  # type: ignore[operator]
    kinds = more.get("kind")
    where = (("kind", (kinds,)),) if kinds else ()
    of = "value" if agg in ("sum", "mean", "min", "max", "std", "last") else None
    return FeatureSpec(name, agg, source, of, where, **days)  # type: ignore[arg-type]


FEATURES = (
    _feature("events_1d", "count", "usage", window=1),
    _feature("events_7d", "count", "usage", window=7),
    _feature("events_28d", "count", "usage", window=28),
    _feature("seconds_7d", "sum", "usage", window=7),
    _feature("seconds_28d", "sum", "usage", window=28),
    _feature("mean_7d", "mean", "usage", window=7),
    _feature("std_28d", "std", "usage", window=28),
    _feature("min_7d", "min", "usage", window=7),
    _feature("max_28d", "max", "usage", window=28),
    _feature("quizzes_7d", "count", "usage", window=7, kind="quiz"),
    _feature("plays_28d", "count", "usage", window=28, kind="play"),
    _feature("seen", "last_seen_age", "usage"),
    _feature("last_value", "last", "usage"),
    _feature("trend", "trend", "usage", window=7, over=28),
    _feature("tickets_28d", "count", "support", window=28),
    _feature("calls_7d", "count", "support", window=7, kind="call"),
    _feature("asked", "last_seen_age", "support"),
    _feature("charged_28d", "sum", "billing", window=28),
    _feature("fails_28d", "count", "billing", window=28, kind="fail"),
    _feature("paid", "last", "billing"),
)

SPEC = Spec(
    app="bench",
    clock="arrival",
    grid=DAY,
    max_future=300 * S,
    sources=tuple(
        SourceSpec(
            name,
            f"bench.{name}",
            MAPPING,
            out_of_orderness=60 * S,
            allowed_lateness=3600 * S,
            stale_after=3600 * S,
        )
        for name in SHARES
    ),
    features=FEATURES,
    population=PopulationSpec(),
    labels=LabelSpec("inactivity", horizon=28 * DAY, sources=("usage",)),
    scoring=ScoringSpec(
        schedule=ScheduleSpec(DAY),
        on_event=OnEventSpec(60 * S, tuple(SHARES)),
        bands=(("low", 0.0), ("medium", 0.3), ("high", 0.6)),
    ),
    model=ModelSpec(kind="river_logistic"),
    learning=LearningSpec(
        every=DAY, activation_delay=3600 * S, example_every=28 * DAY, complete_within=DAY
    ),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as a client hands it over. timestamp: milliseconds."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def users_of(partition: int, partitions: int, count: int) -> list[str]:
    """``count`` users that murmur2 puts into the partition."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        user = f"user-{number:07d}"
        if partition_of(user.encode(), partitions) == partition:
            found.append(user)
        number += 1
    return found


def backlog(users: list[str], events: int, seed: int = 1) -> list[list[Raw]]:
    """Records of each source: sessions of about 8 events within about a minute, 3 a day."""
    rng = np.random.default_rng(seed)
    sessions = events // 8
    days = events / 25 / len(users)
    begin = rng.random(sessions) * days * 86_400
    owner = rng.integers(0, len(users), sessions)
    length = rng.poisson(7, sessions) + 1
    session = np.repeat(np.arange(sessions), length)
    gaps = rng.exponential(7.0, len(session))
    first = np.append(0, np.cumsum(length)[:-1])
    run = np.cumsum(gaps)
    times = begin[session] + run - run[first][session]
    order = np.argsort(times, kind="stable")
    times_ms = START // 1000 + (times[order] * 1000).astype(np.int64)
    user, source = owner[session][order], rng.choice(3, len(order), p=list(SHARES.values()))
    kind, value = rng.integers(0, 12, len(order)), np.round(rng.gamma(2, 30, len(order)), 1)
    found: list[list[Raw]] = [[], [], []]
    names = list(SHARES)
    for t, u, s, k, v in zip(
        times_ms.tolist(),
        user.tolist(),
        source.tolist(),
        kind.tolist(),
        value.tolist(),
        strict=True,
    ):
        kinds = KINDS[names[s]]
        text = f'{{"user":"{users[u]}","ts":{t},"kind":"{kinds[k % len(kinds)]}","value":{v}'
        text += ',"device":"ios-17","app":"4.2.1"}'
        held = found[s]
        held.append(Raw(len(held), t + 200, users[u].encode(), text.encode()))
    return found
