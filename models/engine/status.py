"""How each source of a partition is doing, as records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from models.engine.checks import Checks
from models.engine.requests import Output
from models.engine.state import PartitionState, SourceState
from models.engine.why import Moment, newest_lag, words_of
from models.grid import NEVER
from models.spec import SourceSpec, Spec
from models.staleness.corruption import Interval
from models.staleness.evidence import USUAL
from models.staleness.health import HEALTH
from models.staleness.segments import SLICES
from schemas.codec import encode
from schemas.reasons import Reject
from schemas.sources import Delays, Later, Missing, Silence, SourceStatus, WrongInterval
from schemas.times import format_time

INTERVALS = 10
"""Intervals that a record tells of, accepted ones included; those that are not it tells all of."""


def statuses(
    spec: Spec, state: PartitionState, checks: Checks, partition: int, now: str
) -> list[Output]:
    """One record for each source."""
    marks = [
        source.progress.watermark(declared, state.clock)
        for declared, source in zip(spec.sources, state.sources, strict=True)
    ]
    codes = checks.health_now(state.clock, marks)
    found = []
    for s, (source, seen) in enumerate(zip(spec.sources, state.sources, strict=True)):
        delays, silence = _delays(seen), _silence(checks, s, state.clock, seen)
        missing = [_missing(source, seen, part) for part in _parts_missing(seen)]
        staleness = None if marks[s] == NEVER else (state.clock - marks[s]) / 1e6
        moment = Moment(
            codes[s], state.clock, marks[s], seen.progress.last_data, silence.expected or 0.0
        )
        record = SourceStatus(
            app=spec.app,
            source=source.name,
            topic=source.topic,
            partition=partition,
            clock=_time(state.clock),
            watermark=_time(marks[s]),
            last_data=_time(seen.progress.last_data),
            staleness_s=staleness,
            health=HEALTH[codes[s]],
            events=seen.events,
            heartbeats=seen.heartbeats,
            late=seen.late,
            duplicates=seen.duplicates,
            rejected=dict(dead_letters(seen)),
            out_of_arrival_order=seen.disordered,
            repeated_copies=seen.lanes.repeats,
            corrupt_since=_time(seen.corrupt.corrupt_since),
            intervals=[_told(one) for one in _worth_telling(seen.corrupt.known)],
            evidence=words_of(spec, source, seen, moment),
            stale_after_s=source.stale_after / 1e6,
            delays=delays,
            silence=silence,
            missing=missing,
            later=_later(seen),
            emitted_at=now,
        )
        found.append(Output("sources", f"{source.name}-{partition}".encode(), encode(record)))
    return found


def dead_letters(seen: SourceState) -> Counter[str]:
    """Dead letters of a source by reason, since its state began."""
    return seen.rejected + Counter({Reject.QUALITY_RULE.value: seen.unruly})


def _worth_telling(known: Sequence[Interval]) -> list[Interval]:
    """Intervals in their order, without the oldest of those that were found right."""
    accepted = [one for one in known if one.state == "accepted"]
    room = max(0, INTERVALS - (len(known) - len(accepted)))
    hidden = {one.id for one in accepted[: max(0, len(accepted) - room)]}
    return [one for one in known if one.id not in hidden]


def _told(one: Interval) -> WrongInterval:
    end = None if one.end is None else format_time(one.end)
    begin, noticed = format_time(one.begin), format_time(one.noticed)
    return WrongInterval(one.id, begin, end, one.state, one.reason, noticed, one.by)


def _delays(state: SourceState) -> Delays:
    evidence = state.evidence
    return Delays(
        newest_s=newest_lag(evidence, state.progress.last_data),
        usual_s=evidence.lags.quantile(0.5),
        most_s=evidence.lags.quantile(USUAL),
        events_p50_s=evidence.delays.quantile(0.5),
        events_p95_s=evidence.delays.quantile(USUAL),
        buckets=evidence.delays.buckets,
        weights=evidence.delays.weights,
    )


def _silence(checks: Checks, s: int, clock: int, state: SourceState) -> Silence:
    evidence, cadence = state.evidence, state.evidence.cadence
    heard = evidence.heard
    load = checks.load_now(s, clock) if cadence.bound else None
    spans = cadence.spans.quantile(0.5)
    return Silence(
        since=_time(heard),
        seconds=None if heard == NEVER else max(0, clock - heard) / 1e6,
        usual_s=None if spans is None else round(spans * checks.tick_s, 6),
        expected=load,
        p=None if load is None else cadence.chance(load),
        bound=cadence.bound or None,
        active_share=cadence.overall if cadence.rates else None,
    )


def _parts_missing(state: SourceState) -> list[int]:
    return [k for k, since in enumerate(state.evidence.segments.missing) if since != NEVER]


def _missing(source: SourceSpec, state: SourceState, part: int) -> Missing:
    since = format_time(state.evidence.segments.missing[part])
    if part < SLICES:
        return Missing("users", f"{part + 1}/{SLICES}", since)
    field, values = source.segments or ("", ())
    return Missing("events", f"{field} = {values[part - SLICES]}", since)


def _later(state: SourceState) -> Later | None:
    found = state.evidence.later
    return Later(found.share, found.by, format_time(found.since)) if found.is_told else None


def _time(value: int) -> str | None:
    return None if value == NEVER else format_time(value)
