"""One moment of a running demo, as a value: what every view draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.drift import Prequential
from streams.demo.claims import Claim
from streams.demo.course import CoursePoint
from streams.demo.director import Act
from streams.demo.faults import FaultSpan
from streams.demo.ledger import Health, Judged
from streams.watch.view import WatchView


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that there is to show.

    elapsed: wall seconds since the start. now, scored_until: simulated microseconds. waiting:
    simulated time is held back until the worker has caught up. judged: emitted scores against
    the truth, by cut; course: what the scores said, and which policies they followed; drift: the
    trainer's own metrics, by epoch. ages: features whose values are seconds. verdict: the claims,
    once they have been judged.
    """

    elapsed: float
    act: Act
    now: int
    waiting: bool
    scored_until: int | None
    events: Mapping[str, int]
    cut: frozenset[str]
    spans: tuple[FaultSpan, ...]
    health: Mapping[str, tuple[Health, ...]]
    cancellations: int
    view: WatchView
    histogram: tuple[int, ...]
    judged: tuple[Judged, ...]
    course: tuple[CoursePoint, ...]
    drift: tuple[Prequential, ...]
    dead: Mapping[str, int]
    labels: int
    messages: tuple[str, ...]
    ages: frozenset[str] = frozenset()
    verdict: tuple[Claim, ...] = ()
