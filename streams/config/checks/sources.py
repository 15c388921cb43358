"""Checks of the sources: completeness and its bounds, time zones, outcomes, heartbeats."""

from __future__ import annotations

from collections import Counter
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from schemas.times import format_duration
from streams.config.build import completeness_of
from streams.config.document import SourceDoc
from streams.config.problems import Problems, did_you_mean
from streams.config.reading import Draft


def check_sources(draft: Draft, problems: Problems) -> None:
    """Check each source by itself."""
    for name, doc in draft.sources.items():
        key = f"sources.{name}"
        if name == "any":
            problems.add(key, '"any" means every source.', "Give the source another name.")
        if doc is not None:
            _check_completeness(doc, key, problems)
            _check_staleness(doc, key, problems)
            _check_zone(doc, key, problems)
            _check_outcome(doc, key, problems)
            _check_heartbeat(doc, key, problems)
            _check_rekey(doc, key, problems)
            _check_segments(doc, key, problems)


def _check_completeness(doc: SourceDoc, key: str, problems: Problems) -> None:
    if problems.has(f"{key}.completeness"):
        return
    completeness = completeness_of(doc)
    if completeness == "clock" and doc.max_delay is None:
        problems.add(
            f"{key}.max_delay",
            'This key is required with completeness = "clock" (the default for outcomes).',
            "Say how long after it happened an event is here at the latest, e.g. "
            'max_delay = "1d"; until then silence proves nothing.',
        )
    if completeness != "clock" and doc.max_delay is not None:
        problems.add(
            f"{key}.max_delay",
            f'With completeness = "{completeness}" the clock does not move the watermark.',
            'Remove it, or set completeness = "clock".',
        )


def _check_staleness(doc: SourceDoc, key: str, problems: Problems) -> None:
    usual = doc.out_of_orderness + (doc.max_delay or 0)
    if doc.stale_after is not None and doc.stale_after <= usual:
        problems.add(
            f"{key}.stale_after",
            f"{format_duration(doc.stale_after)} is not above out_of_orderness + max_delay = "
            f"{format_duration(usual)}: the source would always be stalled.",
            f"Use more than {format_duration(usual)}.",
        )


def _check_zone(doc: SourceDoc, key: str, problems: Problems) -> None:
    zone = doc.time.zone
    if zone is None:
        return
    if doc.time.unit != "rfc3339":
        problems.add(
            f"{key}.time.zone",
            f'Times of unit "{doc.time.unit}" are counted in UTC and have no zone.',
            'Remove it, or set unit = "rfc3339".',
        )
    elif not _is_zone(zone):
        wrong = f'"{zone}" is not an IANA time zone that is known here.'
        hint = did_you_mean(zone, _zones())
        close = hint if hint.startswith("Did") else 'Write e.g. "Europe/London" or "UTC".'
        problems.add(f"{key}.time.zone", wrong, close)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        return False
    return True


def _check_outcome(doc: SourceDoc, key: str, problems: Problems) -> None:
    if doc.outcome is None:
        return
    values = doc.outcome.churn + doc.outcome.leave + doc.outcome.return_
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        problems.add(
            f"{key}.outcome",
            f'The value "{twice[0]}" is listed more than once.',
            "Let each value mean one of churn, leave and return.",
        )
    if not doc.outcome.churn and not doc.outcome.leave:
        problems.add(
            f"{key}.outcome",
            "No value means churn or leave.",
            'List the values of the field, e.g. churn = ["cancelled"].',
        )


def _check_heartbeat(doc: SourceDoc, key: str, problems: Problems) -> None:
    beat = doc.heartbeat
    if beat is not None and (beat.header is None) == (beat.field is None):
        problems.add(
            f"{key}.heartbeat",
            "A heartbeat is recognised in exactly one way.",
            'Write { header = "ebbline-heartbeat" } or { field = "heartbeat" }.',
        )


def _check_rekey(doc: SourceDoc, key: str, problems: Problems) -> None:
    if doc.rekey_topic is not None and not doc.rekey:
        problems.add(
            f"{key}.rekey_topic",
            "Nothing is copied to it: rekey is not true.",
            "Set rekey = true if the source's topic is not keyed by user, or remove this key.",
        )


def _check_segments(doc: SourceDoc, key: str, problems: Problems) -> None:
    if doc.segments is None:
        return
    name = doc.segments.field
    known = doc.fields.get(name)
    if known is None:
        problems.add(
            f"{key}.segments.field",
            f'The source has no field "{name}".',
            did_you_mean(name, doc.fields) if doc.fields else f"Declare it: [{key}.fields.{name}].",
        )
    elif known.type != "string":
        problems.add(
            f"{key}.segments.field",
            f'The field "{name}" is a {known.type}; kinds of events are told by a string.',
            "Name a field of type string.",
        )
