"""What the scores have to be, from the definitions alone: events in, scores out, nothing kept.

Every feature is taken from the list of a user's events by looking at all of them, and the
probability is River's own ``predict_proba_one``. Shares no code with the engine or the peers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from bench.job.config import FEATURES
from bench.job.events import DAY, Event

MINUTE = 60_000


class Key(NamedTuple):
    """What makes two scores the same one. cause: ``schedule`` or ``event``; at: ms."""

    user: str
    at: int
    cause: str


def by_user(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Each user's events, in the order given."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.user, []).append(event)
    return found


def keys(events: Sequence[Event], until: int) -> Iterator[Key]:
    """When one user is scored. until: the last midnight that the stream passes."""
    at_risk_from, last = events[0].at, -math.inf
    midnight = -(-at_risk_from // DAY) * DAY
    for event in events:
        while midnight < event.at:
            yield Key(event.user, midnight, "schedule")
            last, midnight = midnight, midnight + DAY
        if event.at >= last + MINUTE:
            yield Key(event.user, event.at, "event")
            last = event.at
    while midnight <= until:
        yield Key(events[0].user, midnight, "schedule")
        midnight += DAY


def vector(events: Sequence[Event], at: int) -> dict[str, float]:
    """The features of a user as of ``at`` that have a value, from all of the user's events."""
    known = [event for event in events if event.at <= at]
    found = {str(f["name"]): _feature(f, known, at) for f in FEATURES}
    return {name: value for name, value in found.items() if value is not None}


def probability(model: Any, events: Sequence[Event], at: int) -> float:
    """P(churn) that the model's own ``predict_proba_one`` gives."""
    return float(model.predict_proba_one(vector(events, at))[True])


def _feature(feature: dict[str, Any], known: Sequence[Event], at: int) -> float | None:
    events = [event for event in known if event.source == feature["source"]]
    if "where" in feature:
        events = [event for event in events if event.kind == feature["where"]["kind"]]
    agg = feature["agg"]
    if agg == "last_seen_age":
        return (at - events[-1].at) / 1000 if events else None
    if agg == "last":
        return events[-1].value if events else None
    inside = _inside(events, at, feature["window"])
    if agg in ("trend", "ratio"):
        return _compare(feature, inside, _inside(events, at, feature["over"]))
    return _aggregate(agg, [event.value for event in inside])


def _inside(events: Sequence[Event], at: int, window: str) -> list[Event]:
    """The events of a window: it begins on the grid, behind the midnight that it reaches."""
    begin = (at // DAY - _days(window)) * DAY
    return [event for event in events if event.at > begin]


def _aggregate(agg: str, values: list[float]) -> float | None:
    if agg == "count":
        return float(len(values))
    if agg == "sum":
        return math.fsum(values)
    if not values:
        return None
    if agg in ("min", "max"):
        return min(values) if agg == "min" else max(values)
    mean = math.fsum(values) / len(values)
    if agg == "mean":
        return mean
    assert agg == "std"
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _compare(feature: dict[str, Any], short: list[Event], long: list[Event]) -> float | None:
    whole = math.fsum(event.value for event in long)
    if whole == 0:
        return None
    ratio = math.fsum(event.value for event in short) / whole
    return (
        ratio * _days(feature["over"]) / _days(feature["window"])
        if (feature["agg"] == "trend")
        else ratio
    )


def _days(window: str) -> int:
    return int(window.removesuffix("d"))
