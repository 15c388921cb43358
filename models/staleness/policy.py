"""What to do about sources that are not fresh: the choice of as-of times and of what is masked.

A policy says for each stale source as of when it is read, and whether its features are then left
out (``degrade``) or believed to have moved on (``nowcast``). The gate (``learned``) weighs what the
others say; so these five are its experts, in this order everywhere.
"""

from __future__ import annotations

import numpy as np

from models.grid import NEVER, Bool, Int
from models.spec import POLICIES, Spec
from models.staleness.health import FRESH, UNKNOWN, Codes
from schemas.scores import Treatment

TREATMENT: tuple[Treatment, ...] = (
    "current",
    "latest",
    "consistent",
    "lag_trained",
    "masked",
    "nowcast",
    "mixed",
    "remaining",
)
CURRENT, MASKED, MIXED = (TREATMENT.index(name) for name in ("current", "masked", "mixed"))

LATEST, CONSISTENT, LAG_TRAINED, DEGRADE, NOWCAST = range(len(POLICIES))
"""Places of the policies in POLICIES."""
LEARNED = len(POLICIES)

TREATS = np.array(
    [TREATMENT.index(t) for t in ("latest", "consistent", "lag_trained", "masked", "nowcast")],
    dtype=np.uint8,
)
"""Treatment of a stale source under each policy."""
REMAINING = TREATMENT.index("remaining")


def policies_of(spec: Spec) -> Int:
    """Policy of each source, int64[sources]: a place in POLICIES, or LEARNED."""
    names = (*POLICIES, "learned")
    return np.array(
        [names.index(source.policy or spec.policy.default) for source in spec.sources],
        dtype=np.int64,
    )


def treated(health: Codes) -> Codes:
    """Treatment of each source under ``latest``, uint8[n, sources]."""
    treatment = np.where(health == FRESH, CURRENT, TREATS[LATEST])
    return np.where(health == UNKNOWN, MASKED, treatment).astype(np.uint8)


def followed(own: Int, policy: int, stale: Bool) -> Int:
    """Policy that each source follows where all that are LEARNED follow ``policy``, int64[n, s].

    own: int64[s]. stale: bool[n, s]; what is not stale follows LATEST, which reads it now.
    """
    return np.where(stale, np.where(own == LEARNED, policy, own), LATEST)


def latest(at: Int, known: Int, health: Codes) -> Int:
    """As-of times int64[n, sources] of the policy ``latest``.

    A fresh source is read at the score time, another one as of what is known of it (its own
    watermark: the full window up to there, never a half-empty one), an unknown one not at all.
    """
    as_of = np.where(health == FRESH, at[:, None], np.minimum(known, at[:, None]))
    return np.where((health == UNKNOWN) | (known == NEVER), NEVER, as_of)


def consistent(as_of: Int) -> Int:
    """The oldest as-of of the known sources, for all of them, int64[n, sources]."""
    known = as_of != NEVER
    oldest = np.where(known, as_of, -NEVER).min(axis=1)
    return np.where(known, oldest[:, None], NEVER)
