"""The logs that faults are put into: the simulator's, and the Open University's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.context import ROOT
from bench.detection.cases import DAY_MS, DAYS
from models.spec import ScheduleSpec, Spec
from schemas.times import DAY, HOUR
from streams.config import load_config
from streams.demo.world import SCREENS
from streams.faults import Beats, Events
from streams.study.logs import Log, files_by_source, from_files
from streams.study.worlds import World, specification

SEED = 411


@dataclass(frozen=True, slots=True)
class Trial:
    """A log and its deployment. source: the one that faults are put into; field: of it, for wrong
    contents; only: FIELD:VALUE, one kind of its events.
    """

    title: str
    spec: Spec
    log: Log
    source: str
    field: str
    only: str


def simulated(users: int) -> Trial:
    """The study's world; usage is disturbed. It has no event ids here: what comes twice counts."""
    spec = _seldom_scored(specification())
    spec = replace(spec, health=replace(spec.health, every=3 * HOUR))
    sources = [replace(s, mapping=replace(s.mapping, event_id=None)) for s in spec.sources]
    spec = _with_segments(replace(spec, sources=tuple(sources)), "usage", "screen", SCREENS)
    log = World(DAYS, users).log(spec, SEED)
    return Trial("simulator", spec, log, "usage", "minutes", "screen:editor")


def oulad(folder: Path, share: float) -> Trial:
    """The clicks of 2013J's students from its first day on, as long as the trial takes."""
    spec = _seldom_scored(load_config(ROOT / "examples/oulad/ebbline.toml").spec)
    spec = replace(spec, health=replace(spec.health, every=DAY))
    spec = _with_segments(spec, "clicks", "activity", ("homepage", "forumng", "oucontent", "quiz"))
    whole = from_files(spec, files_by_source(spec, folder), share, lambda *_: None)
    begin = OULAD_BEGIN
    log = between(whole, begin, begin + DAYS * DAY_MS)
    return Trial("OULAD 2013J", spec, log, "clicks", "clicks", "activity:homepage")


OULAD_BEGIN = 1_381_276_800_000
"""2013-10-09: the course has begun."""


def between(log: Log, start: int, end: int) -> Log:
    """What arrives in [start, end), ms."""

    def events(one: Events) -> Events:
        return one.part((one.arrivals >= start) & (one.arrivals < end))

    def beats(one: Beats) -> Beats:
        return one.part((one.arrivals >= start) & (one.arrivals < end))

    return Log(log.sources, tuple(map(events, log.events)), tuple(map(beats, log.beats)))


def _with_segments(spec: Spec, source: str, field: str, values: tuple[str, ...]) -> Spec:
    """The same with kinds of events that are missed when they alone are gone."""
    segments = [
        replace(one, segments=(field, values)) if one.name == source else one
        for one in spec.sources
    ]
    return replace(spec, sources=tuple(segments))


def _seldom_scored(spec: Spec) -> Spec:
    """Nobody asks for scores here: once a month will do. Bounds are not given but learned."""
    scoring = replace(spec.scoring, schedule=ScheduleSpec(30 * DAY), on_event=None)
    sources = tuple(replace(source, stale_given=False) for source in spec.sources)
    return replace(spec, scoring=scoring, sources=sources)
