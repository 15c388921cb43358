"""Scores of a batch of users: as-of times by policy, vectors, probabilities, records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.features.vector import features
from models.grid import NEVER, Float, Int
from models.learning.scorer import Scorer
from models.spec import Spec
from models.staleness.policy import HEALTH, TREATMENT, Codes, health_of, latest
from models.state.slab import Slab
from schemas.ids import stable_id
from schemas.scores import ModelRef, Reason, Score, SourceState
from schemas.times import format_time


@dataclass(frozen=True, slots=True)
class Scored:
    """Users scored at their times; every array has one row a user.

    matrix: float64[n, features]. as_of: int64[n, sources], effective. probability: float64[n].
    """

    rows: Int
    at: Int
    watermarks: Int
    matrix: Float
    as_of: Int
    health: Codes
    treatment: Codes
    probability: Float
    scorer: Scorer


def score(slab: Slab, rows: Int, at: Int, watermarks: Int, scorer: Scorer) -> Scored:
    """Score users. at: int64[n]; watermarks: int64[n, sources], NEVER = none yet."""
    health = health_of(slab.spec, at, watermarks)
    wanted, treatment = latest(at, watermarks, health)
    matrix, as_of = features(slab, rows, at, wanted)
    probability = np.clip(scorer.predict(matrix), 0.0, 1.0)
    return Scored(rows, at, watermarks, matrix, as_of, health, treatment, probability, scorer)


def score_id(spec: Spec, user: str, time: int, cause: str) -> str:
    """Identity of a score: app, user, time, horizon, cause; not what the model said."""
    return stable_id(spec.app, user, time, spec.labels.horizon, cause)


def records(
    spec: Spec, scored: Scored, users: Sequence[str], causes: Sequence[str], now: str
) -> list[Score]:
    """Score records, in the order of the rows."""
    reasons = _reasons(spec, scored)
    model = _model(scored.scorer)
    bands = _bands(spec, scored.probability)
    found = []
    for i, (user, cause) in enumerate(zip(users, causes, strict=True)):
        time = int(scored.at[i])
        found.append(
            Score(
                id=score_id(spec, user, time, cause),
                app=spec.app,
                user=user,
                time=format_time(time),
                horizon_s=spec.labels.horizon // 1_000_000,
                cause=cause,
                probability=float(scored.probability[i]),
                band=bands[i],
                model=model,
                feature_set=spec.feature_set,
                policy=spec.policy,
                sources=_sources(spec, scored, i),
                reasons=reasons[i],
                emitted_at=now,
            )
        )
    return found


def _model(scorer: Scorer) -> ModelRef:
    since = None if scorer.valid_from is None else format_time(scorer.valid_from)
    return ModelRef(scorer.name, scorer.version, since)


def _bands(spec: Spec, probability: Float) -> list[str]:
    names = [name for name, _ in spec.scoring.bands]
    bounds = np.array([bound for _, bound in spec.scoring.bands])
    index = np.searchsorted(bounds, probability, side="right") - 1
    return [names[i] for i in np.maximum(index, 0).tolist()]


def _sources(spec: Spec, scored: Scored, i: int) -> dict[str, SourceState]:
    found = {}
    for s, source in enumerate(spec.sources):
        as_of, mark = int(scored.as_of[i, s]), int(scored.watermarks[i, s])
        found[source.name] = SourceState(
            as_of=None if as_of == NEVER else format_time(as_of),
            staleness_s=None if mark == NEVER else (int(scored.at[i]) - mark) / 1e6,
            health=HEALTH[scored.health[i, s]],
            treatment=TREATMENT[scored.treatment[i, s]],
        )
    return found


def _reasons(spec: Spec, scored: Scored) -> list[list[Reason]]:
    """The largest contributions of each row, where the model can say."""
    parts = scored.scorer.contributions(scored.matrix) if spec.scoring.reasons else None
    if parts is None:
        return [[] for _ in scored.rows]
    known = np.where(np.isnan(parts), 0.0, parts)
    top = np.argsort(-np.abs(known), axis=1, kind="stable")[:, : spec.scoring.reasons]
    found = []
    for i, best in enumerate(top.tolist()):
        found.append([_reason(spec, scored, known, i, j) for j in best if known[i, j] != 0.0])
    return found


def _reason(spec: Spec, scored: Scored, parts: Float, i: int, j: int) -> Reason:
    feature, value = spec.features[j], float(scored.matrix[i, j])
    return Reason(
        feature=feature.name,
        value=None if np.isnan(value) else value,
        contribution=float(parts[i, j]),
        label=feature.label,
    )
