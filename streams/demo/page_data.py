"""A moment as the page wants it: plain JSON values, nothing left to compute."""

from __future__ import annotations

from typing import Any

from schemas.scores import Reason, Score
from schemas.times import DAY, SECOND, format_time, parse_time
from streams.demo.faults import CUTTABLE
from streams.demo.ledger import Judged
from streams.demo.moment import Moment
from streams.demo.simtime import day_of
from streams.watch.sources import SourceLine

SHOWN = 60
"""Cuts whose course is drawn."""


def page_data(moment: Moment) -> dict[str, Any]:
    """Everything on the page.

    Lists of points are [simulated day, value …], oldest first.
    """
    view = moment.view
    return {
        "elapsed": round(moment.elapsed, 1),
        "act": moment.act,
        "day": round(day_of(moment.now), 2),
        "now": format_time(moment.now),
        "waiting": moment.waiting,
        "behind": _behind(moment),
        "events": dict(moment.events),
        "scores": view.scores,
        "rate": round(view.rate, 1),
        "bands": dict(view.bands),
        "version": view.model.version if view.model else 0,
        "labels": moment.labels,
        "cancellations": moment.cancellations,
        "dead": dict(moment.dead),
        "sources": [_source(line, moment) for line in view.sources],
        "quality": [_quality(judged) for judged in moment.judged],
        "learning": [[day_of(parse_time(d.epoch)), d.auc] for d in moment.drift],
        "spans": [
            [s.source, day_of(s.start), None if s.end is None else day_of(s.end)]
            for s in moment.spans
        ],
        "course": [[day_of(p.cut), round(p.mean, 5), p.weights] for p in moment.course[-SHOWN:]],
        "histogram": list(moment.histogram),
        "risks": [_risk(score, moment) for score in view.risks],
        "messages": list(moment.messages),
        "verdict": [[c.ok, c.name, c.detail] for c in moment.verdict],
    }


def _behind(moment: Moment) -> float | None:
    """Simulated days between events and scores."""
    if moment.scored_until is None:
        return None
    return round(max(0.0, day_of(moment.now) - day_of(moment.scored_until)), 2)


def _source(line: SourceLine, moment: Moment) -> dict[str, Any]:
    return {
        "name": line.name,
        "health": line.health,
        "watermark": line.watermark,
        "last_data": line.last_data,
        "staleness_s": line.staleness_s,
        "events": line.events,
        "late": line.late,
        "rejected": line.rejected,
        "cut": line.name in moment.cut,
        "treatment": moment.course[-1].treatments.get(line.name) if moment.course else None,
        "cuttable": line.name in CUTTABLE,
        "changes": [[day_of(h.since), h.health] for h in moment.health.get(line.name, ())],
    }


def _quality(judged: Judged) -> list[float | None]:
    q = judged.quality
    return [day_of(judged.cut), q.auc, q.oracle, q.log_loss, q.base_log_loss]


def _risk(score: Score, moment: Moment) -> dict[str, Any]:
    return {
        "user": score.user,
        "time": score.time,
        "probability": score.probability,
        "reasons": [
            [r.label or r.feature, _value(r, moment), round(r.contribution, 2)]
            for r in score.reasons
        ],
        "stale": [name for name, s in score.sources.items() if s.health != "fresh"],
    }


def _value(reason: Reason, moment: Moment) -> str:
    if reason.value is None:
        return "unknown"
    if reason.feature in moment.ages:
        return f"{reason.value * SECOND / DAY:.1f} d"
    return f"{reason.value:.3g}"
