"""What each policy says about users with stale sources, and what is made of it.

Users whose sources are all fresh are asked about once, with everyone else; only of the others are
there further opinions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from models.engine.looking import Looks, StaleRows, asked
from models.engine.opinions import Opinions
from models.grid import Bool, Float, Int
from models.learning.scorer import Scorer
from models.spec import POLICIES, Spec
from models.staleness.gate import weights_of
from models.staleness.health import HEALTH, Codes
from models.staleness.pattern import Stale, path
from models.staleness.policy import (
    CONSISTENT,
    LATEST,
    LEARNED,
    MASKED,
    MIXED,
    REMAINING,
    TREATS,
    followed,
    policies_of,
)


@dataclass(frozen=True, slots=True)
class Scored(Looks):
    """Users scored; ``treatment`` as the policy in force has it.

    effective: int64[n, sources], as-of times under that policy. probability: float64[n].
    experts, weights: float64[m, policies] of the rows ``stale.index`` (m = 0 where nothing is
    stale), NaN where a policy was not asked or could say nothing; the weights sum to 1, or are all
    NaN where sources of one user follow different policies of their own.
    """

    effective: Int
    probability: Float
    experts: Float
    weights: Float
    scorer: Scorer


def score(spec: Spec, looks: Sequence[Looks], scorer: Scorer) -> Scored:
    """Score what was looked at, all of it at once."""
    whole = Looks.joined(looks)
    columns = {field.name: getattr(whole, field.name) for field in fields(Looks)}
    probability = np.clip(scorer.predict(whole.matrix), 0.0, 1.0)
    effective = whole.as_of
    experts = weights = np.empty((0, len(POLICIES)))
    if whole.stale is not None:
        index = whole.stale.index
        verdict = _judge(spec, whole, whole.stale, scorer, probability[index])
        experts, weights = verdict.experts, verdict.weights
        effective = effective.copy()
        effective[index], probability[index] = verdict.as_of, verdict.probability
        columns["treatment"] = columns["treatment"].copy()
        columns["treatment"][index] = verdict.treatment
    return Scored(
        **columns,
        effective=effective,
        probability=probability,
        experts=experts,
        weights=weights,
        scorer=scorer,
    )


@dataclass(slots=True)
class _Verdict:
    """About the m stale rows; arrays as in Scored, one row each."""

    probability: Float
    experts: Float
    weights: Float
    as_of: Int
    treatment: Codes


def _judge(spec: Spec, looks: Looks, stale: StaleRows, scorer: Scorer, latest: Float) -> _Verdict:
    """latest: float64[m], what the model says of the rows as ``latest`` reads them."""
    own, index = policies_of(spec), stale.index
    opinions = Opinions(spec, stale, scorer, latest)
    nothing = np.full((len(index), len(POLICIES)), np.nan)
    found = _Verdict(latest, nothing, nothing.copy(), looks.as_of[index], looks.treatment[index])
    weighed = (stale.stale & (own == LEARNED)).any(axis=1)
    if weighed.any():
        for policy in asked(spec):
            said = opinions.of(policy, followed(own, policy, stale.stale))
            found.experts[weighed, policy] = said[weighed]
        _weigh(spec, stale, looks.health[index], scorer, weighed, found)
        several = (found.weights > 0).sum(axis=1) > 1
        mixed = stale.stale & (own == LEARNED) & several[:, None]
        found.treatment[mixed & (found.treatment != REMAINING)] = MIXED
    if not weighed.all():
        _follow(own, stale, opinions, ~weighed, found)
    return found


def _weigh(
    spec: Spec,
    stale: StaleRows,
    health: Codes,
    scorer: Scorer,
    weighed: Bool,
    found: _Verdict,
) -> None:
    """Probabilities by the gate, one look-up for each pattern.

    ``latest`` where no expert says anything: another stale source has a policy of its own, which
    cannot say anything yet.
    """
    awake = ~np.isnan(found.experts)
    silent = weighed & ~awake.any(axis=1)
    found.experts[silent, LATEST], found.weights[silent, LATEST] = found.probability[silent], 1.0
    rows = np.flatnonzero(weighed & ~silent)
    if not len(rows):
        return
    gate = scorer.policies.gate if scorer.policies is not None else {}
    keys = np.column_stack((stale.ages, health, awake))[rows]
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    each = [
        weights_of(gate, _path(spec, stale.ages[i], health[i]), awake[i])
        for i in rows[first].tolist()
    ]
    own = np.stack(each)[which.ravel()]
    total = np.zeros(len(rows))
    for k in range(len(POLICIES)):
        total += np.where(awake[rows, k], own[:, k] * found.experts[rows, k], 0.0)
    found.probability[rows] = total
    found.weights[rows] = np.where(awake[rows], own, np.nan)


def _path(spec: Spec, ages: Int, health: Codes) -> tuple[str, ...]:
    stale = [
        Stale(source.name, HEALTH[h], age)
        for source, age, h in zip(spec.sources, ages.tolist(), health.tolist(), strict=True)
        if age >= 0
    ]
    return path(stale)


def _follow(
    own: Int,
    stale: StaleRows,
    opinions: Opinions,
    rows: Bool,
    found: _Verdict,
) -> None:
    """Rows whose stale sources all have a policy of their own: that is followed, or ``latest``.

    ``latest`` where the policy cannot say anything yet (no beliefs, no model with that lag).
    """
    policy = next(iter(stale.variants))
    follows = followed(own, policy, stale.stale)
    said, variant = opinions.of(policy, follows), stale.variants[policy]
    silent = rows & np.isnan(said)
    done = rows & ~silent
    found.probability = np.where(done, said, found.probability)
    treats = np.where(stale.stale & ~stale.unknown, TREATS[follows], found.treatment)
    treats = np.where(stale.unknown, MASKED, treats)
    together = (follows == CONSISTENT).any(axis=1)[:, None] & ~stale.unknown
    treats = np.where(together & (follows == LATEST), TREATS[CONSISTENT], treats)
    treats = np.where(found.treatment == REMAINING, REMAINING, treats)
    found.treatment[done] = treats[done].astype(np.uint8)
    found.as_of[done] = variant.as_of[done]
    one = np.where(stale.stale, follows, -1).max(axis=1)
    alike = (~stale.stale | (follows == one[:, None])).all(axis=1)
    for i in np.flatnonzero(rows & (alike | silent)).tolist():
        chosen = LATEST if silent[i] else int(one[i])
        found.experts[i, chosen], found.weights[i, chosen] = found.probability[i], 1.0
