"""Scores of a batch of users: as-of times by policy, vectors, probabilities, records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from models.features.remaining import Stretches
from models.features.vector import features, touched
from models.grid import NEVER, Float, Int
from models.learning.scorer import Scorer
from models.spec import Spec
from models.staleness.policy import HEALTH, REMAINING, TREATMENT, Codes, health_of, latest
from models.state.slab import Slab
from models.words import wording_of
from schemas.ids import stable_ids
from schemas.scorebatch import ScoreColumns, ScoreConstants, encode_scores
from schemas.scores import ModelRef
from schemas.times import format_time


@dataclass(frozen=True, slots=True)
class Looks:
    """Users looked at, at their times; every array has one row a user.

    at: int64[n]. watermarks: int64[n, sources], NEVER = none yet. matrix: float64[n, features].
    as_of: int64[n, sources], effective.
    """

    rows: Int
    at: Int
    watermarks: Int
    matrix: Float
    as_of: Int
    health: Codes
    treatment: Codes


@dataclass(frozen=True, slots=True)
class Scored(Looks):
    """Users scored. probability: float64[n]."""

    probability: Float
    scorer: Scorer


def look(
    slab: Slab, rows: Int, at: Int, watermarks: Int, excluded: Sequence[Stretches] = ()
) -> Looks:
    """What is known of users at their times; their state may move on behind it.

    excluded: see :func:`models.features.vector.features`.
    """
    health = health_of(slab.spec, at, watermarks)
    wanted, treatment = latest(at, watermarks, health)
    matrix, as_of = features(slab, rows, at, wanted, excluded)
    if excluded:
        treatment[touched(slab, rows, wanted, excluded)] = REMAINING
    return Looks(rows, at, watermarks, matrix, as_of, health, treatment)


def score(looks: Sequence[Looks], scorer: Scorer) -> Scored:
    """Score what was looked at, all of it at once."""
    columns = {
        field.name: np.concatenate([getattr(one, field.name) for one in looks])
        for field in fields(Looks)
    }
    probability = np.clip(scorer.predict(columns["matrix"]), 0.0, 1.0)
    return Scored(**columns, probability=probability, scorer=scorer)


def encode_records(
    spec: Spec, scored: Scored, users: Sequence[str], causes: Sequence[str], now: str
) -> list[bytes]:
    """Score records, in the order of the rows; see :class:`schemas.scores.Score`."""
    reasons, values, contributions = _reasons(spec, scored)
    columns = ScoreColumns(
        ids=_ids(spec, scored, users, causes),
        users=users,
        causes=causes,
        bands=_bands(spec, scored.probability),
        times=scored.at,
        probability=scored.probability,
        as_of=scored.as_of,
        known=scored.as_of != NEVER,
        staleness_s=np.where(
            scored.watermarks == NEVER, np.nan, (scored.at[:, None] - scored.watermarks) / 1e6
        ),
        health=scored.health,
        treatment=scored.treatment,
        reasons=reasons,
        values=values,
        contributions=contributions,
        phrases=wording_of(spec.features).phrases(reasons, scored.matrix, contributions),
    )
    return encode_scores(_constants(spec, scored.scorer, now), columns)


def _ids(spec: Spec, scored: Scored, users: Sequence[str], causes: Sequence[str]) -> list[str]:
    """Identities of scores: app, user, time, horizon, cause; not what the model said."""
    times, horizons = map(str, scored.at.tolist()), [str(spec.labels.horizon)] * len(users)
    return stable_ids(spec.app, users, times, horizons, causes)


def _constants(spec: Spec, scorer: Scorer, now: str) -> ScoreConstants:
    since = None if scorer.valid_from is None else format_time(scorer.valid_from)
    return ScoreConstants(
        app=spec.app,
        horizon_s=spec.labels.horizon // 1_000_000,
        model=ModelRef(scorer.name, scorer.version, since),
        maturity=scorer.maturity,
        feature_set=spec.feature_set,
        policy=spec.policy,
        emitted_at=now,
        sources=[source.name for source in spec.sources],
        features=[feature.name for feature in spec.features],
        labels=[feature.label for feature in spec.features],
        health=HEALTH,
        treatment=TREATMENT,
    )


def _bands(spec: Spec, probability: Float) -> list[str]:
    names = [name for name, _ in spec.scoring.bands]
    bounds = np.array([bound for _, bound in spec.scoring.bands])
    index = np.searchsorted(bounds, probability, side="right") - 1
    return [names[i] for i in np.maximum(index, 0).tolist()]


def _reasons(spec: Spec, scored: Scored) -> tuple[Int, Float, Float]:
    """The largest contributions of each row, where the model can say: int64[n, k], float64[n, k].

    Features (-1 = no more), their values and contributions. Rows below the band that asks for
    reasons have none, and cost nothing.
    """
    asked = np.flatnonzero(scored.probability >= spec.scoring.reasons_from)
    wanted = spec.scoring.reasons > 0 and len(asked) > 0
    own = scored.scorer.contributions(scored.matrix[asked]) if wanted else None
    if own is None:
        nothing = np.empty((len(scored.rows), 0))
        return nothing.astype(np.int64), nothing, nothing
    parts = np.zeros((len(scored.rows), own.shape[1]))
    parts[asked] = own
    known = np.where(np.isnan(parts), 0.0, parts)
    top = np.argsort(-np.abs(known), axis=1, kind="stable")[:, : spec.scoring.reasons]
    matters = np.take_along_axis(known, top, axis=1) != 0.0
    values = np.take_along_axis(scored.matrix, top, axis=1)
    return np.where(matters, top, -1), values, np.take_along_axis(parts, top, axis=1)
