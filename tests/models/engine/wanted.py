"""Every feature by its definition, from the list of a user's events: a part of the oracle."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from models.aggregates import BASELINE, PERIODIC
from models.spec import FeatureSpec, Spec
from tests.models.engine.story import S
from tests.models.engine.usual import against_itself, regularity

UNKNOWN = math.nan


class Event(NamedTuple):
    """An event that was applied to a user."""

    time: int
    data: dict[str, Any]


class User(Protocol):
    """What is known of a user: events of each source, and when it entered."""

    events: list[list[Event]]
    entered: int | None


def features(
    spec: Spec, user: User, at: int, as_of: Sequence[int | None]
) -> tuple[list[float], list[int | None]]:
    """Vector and effective as-of times by their definition."""
    effective = [
        effective_as_of(spec.grid, user.events[s], a) if a is not None else None
        for s, a in enumerate(as_of)
    ]
    vector = []
    for feature in spec.features:
        if feature.source is None:
            vector.append(context(feature, user, at))
            continue
        s = [source.name for source in spec.sources].index(feature.source)
        wanted, reached = as_of[s], effective[s]
        if wanted is None or reached is None:
            vector.append(UNKNOWN)
        else:
            vector.append(one_feature(spec.grid, feature, user.events[s], wanted, reached))
    return vector, effective


def effective_as_of(grid: int, events: list[Event], as_of: int) -> int:
    """The as-of itself while no later event is known, else the grid point below."""
    return as_of if all(e.time <= as_of for e in events) else as_of // grid * grid


def context(feature: FeatureSpec, user: User, at: int) -> float:
    day = datetime.fromtimestamp(at // S, UTC)
    if feature.agg == "day_of_week":
        return day.weekday()
    if feature.agg == "day_of_month":
        return day.day
    if feature.agg in ("season_sin", "season_cos"):
        angle = 2 * math.pi * at / (365.2425 * 86_400 * S)
        return math.sin(angle) if feature.agg == "season_sin" else math.cos(angle)
    if user.entered is None or user.entered > at:
        return UNKNOWN
    age = at - user.entered
    return (age if feature.period is None else age - age // feature.period * feature.period) / S


def one_feature(
    grid: int, feature: FeatureSpec, events: list[Event], as_of: int, effective: int
) -> float:
    chosen = [e for e in events if matches(feature, e) and e.time <= effective]

    def within(window: int | None) -> list[Event]:
        assert window is not None
        return [e for e in chosen if e.time > as_of // grid * grid - window]

    if feature.agg in ("ratio", "trend"):
        short, long = (total(feature, within(w)) for w in (feature.window, feature.over))
        if long == 0:
            return UNKNOWN
        assert feature.window is not None
        assert feature.over is not None
        return short / long * (feature.over / feature.window if feature.agg == "trend" else 1)
    if feature.agg == "share":
        everything = replace(feature, where=())
        known = [e for e in events if matches(everything, e) and e.time <= effective]
        start = as_of // grid * grid - (feature.window or 0)
        whole = total(feature, [e for e in known if e.time > start])
        return total(feature, within(feature.window)) / whole if whole else UNKNOWN
    if feature.agg in PERIODIC:
        times = [e.time for e in chosen]
        return regularity(feature, times, as_of // grid * grid, effective)
    if feature.agg in BASELINE:
        worth = [(e.time, 1 if feature.of is None else e.data[feature.of]) for e in chosen]
        return against_itself(feature, worth, as_of // grid * grid, effective)
    if feature.agg == "due_in":
        ahead = [due for e in within(feature.window) if (due := date(feature, e)) > effective]
        return (min(ahead) - effective) / S if ahead else UNKNOWN
    if feature.agg in ("last", "last_is", "last_due_in", "last_seen_age", "first_seen_age"):
        return ends(feature, chosen, effective)
    return aggregate(feature, within(feature.window))


def matches(feature: FeatureSpec, e: Event) -> bool:
    known = feature.of is None or e.data.get(feature.of) is not None
    if known and feature.unit is not None and date(feature, e) <= 0:
        return False
    return known and all(e.data.get(name) in allowed for name, allowed in feature.where)


def date(feature: FeatureSpec, e: Event) -> int:
    """The date that an event's field holds."""
    assert feature.of is not None
    number = e.data[feature.of]
    if feature.unit == "days":
        return int(e.time + number * 86_400 * S)
    return int(number * {"s": S, "ms": 1000, "us": 1}[feature.unit or "us"])


def total(feature: FeatureSpec, events: list[Event]) -> float:
    return len(events) if feature.of is None else sum(e.data[feature.of] for e in events)


def ends(feature: FeatureSpec, chosen: list[Event], effective: int) -> float:
    if not chosen:
        return UNKNOWN
    if feature.agg == "first_seen_age":
        return (effective - min(e.time for e in chosen)) / S
    newest = max(e.time for e in chosen)
    if feature.agg == "last_seen_age":
        return (effective - newest) / S
    assert feature.of is not None
    last = [e for e in chosen if e.time == newest][-1]
    if feature.agg == "last_is":
        return float(last.data[feature.of] in feature.values)
    if feature.agg == "last_due_in":
        return (date(feature, last) - effective) / S
    return float(last.data[feature.of])


def aggregate(feature: FeatureSpec, events: list[Event]) -> float:
    if feature.agg == "count":
        return len(events)
    assert feature.of is not None
    values = [e.data[feature.of] for e in events]
    if feature.agg == "distinct":
        return len(set(values))
    if feature.agg == "sum":
        return sum(values)
    if not values:
        return UNKNOWN
    if feature.agg in ("min", "max"):
        return float(min(values) if feature.agg == "min" else max(values))
    return statistics.fmean(values) if feature.agg == "mean" else statistics.pstdev(values)
