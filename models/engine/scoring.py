"""Scores of a batch of users as records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.weighing import Scored
from models.engine.why import Why
from models.grid import NEVER, Float, Int
from models.learning.scorer import Scorer
from models.spec import POLICIES, Spec
from models.staleness.health import HEALTH
from models.staleness.policy import TREATMENT
from models.words import wording_of
from schemas.ids import stable_ids
from schemas.scorebatch import ScoreColumns, ScoreConstants, encode_scores
from schemas.scores import ModelRef
from schemas.times import format_time


@dataclass(frozen=True, slots=True)
class Told:
    """What else stands on score records, in the order of the rows.

    why: sources are not fresh. supersedes: ids of the scores that they renew; (): they renew none.
    """

    users: Sequence[str]
    causes: Sequence[str]
    ids: Sequence[str]
    why: Why
    supersedes: Sequence[str] = ()


def encode_records(spec: Spec, scored: Scored, told: Told, now: str) -> list[bytes]:
    """Score records, in the order of the rows; see :class:`schemas.scores.Score`."""
    reasons, values, contributions = _reasons(spec, scored)
    columns = ScoreColumns(
        ids=told.ids,
        users=told.users,
        causes=told.causes,
        bands=_bands(spec, scored.probability),
        times=scored.at,
        probability=scored.probability,
        as_of=scored.effective,
        known=scored.effective != NEVER,
        staleness_s=np.where(
            scored.watermarks == NEVER, np.nan, (scored.at[:, None] - scored.watermarks) / 1e6
        ),
        health=scored.health,
        treatment=scored.treatment,
        reasons=reasons,
        values=values,
        contributions=contributions,
        phrases=wording_of(spec.features).phrases(reasons, scored.matrix, contributions),
        weighed=np.empty(0, dtype=np.int64) if scored.stale is None else scored.stale.index,
        weights=scored.weights,
        supersedes=told.supersedes,
        evidence=told.why.of(scored.at, scored.health),
        coverage=scored.coverage,
    )
    return encode_scores(_constants(spec, scored.scorer, now), columns)


def identities(
    spec: Spec, scored: Scored, users: Sequence[str], causes: Sequence[str]
) -> list[str]:
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
        policy=spec.policy.default,
        policies=POLICIES,
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
