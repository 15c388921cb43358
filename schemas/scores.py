"""The score topic's record: what a downstream service builds on. Fields are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Health = Literal["fresh", "lagging", "stalled", "corrupt", "unknown"]
Treatment = Literal[
    "current", "latest", "consistent", "lag_trained", "masked", "nowcast", "mixed", "remaining"
]
"""What was done about a source: ``current`` = evaluated at the score time, nothing to treat;
``remaining`` = an interval of wrong data was left out of its windows."""

Maturity = Literal["prior", "learning", "mature"]
"""How much the model has learned; see ``models.learning.maturity``."""

SCORE_SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class SourceState:
    """What one source knew when the score was made.

    as_of: effective as-of of its features (RFC 3339), None when nothing is known.
    staleness_s: seconds between the clock and the source's progress watermark, None when
    the source has no watermark yet.
    evidence: why it is not fresh, in words, as found at the last check of the sources; None, or
    left out, where it is fresh.
    coverage: where the treatment is ``remaining``, the share of its windows' panes that wrong data
    left, the smallest of all windows; None, or left out, elsewhere.
    """

    as_of: str | None
    staleness_s: float | None
    health: Health
    treatment: Treatment
    evidence: str | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """The snapshot that scored. ``version`` 0 is the prior, before anything was learned."""

    name: str
    version: int
    valid_from: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's part in the score: contribution in logits against the average user.

    text: label, value with its unit, and direction, in words; None on records from before it.
    """

    feature: str
    value: float | None
    contribution: float
    label: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """P(churn in (time, time + horizon]) of one user.

    id: hash of app, user, time, horizon and cause; equal ids are the same score repeated.
    cause: ``schedule``, ``event:<topic>-<partition>-<offset>``, or ``renewal:<source>+…`` of the
    sources whose late data has landed; then supersedes is the id of the score that it renews.
    policy: the staleness policy of the deployment. emitted_at: wall clock of the worker, the one
    field that may differ between two records with the same id.
    maturity: how much the model in force has learned; None on records from before it was said.
    weights: where a source was stale, the part of each policy that was asked in the probability;
    None where all were fresh, and where sources follow different policies of their own.
    """

    id: str
    app: str
    user: str
    time: str
    horizon_s: int
    cause: str
    probability: float
    band: str
    model: ModelRef
    feature_set: str
    policy: str
    sources: dict[str, SourceState]
    reasons: list[Reason]
    emitted_at: str
    supersedes: str | None = None
    maturity: Maturity | None = None
    weights: dict[str, float] | None = None
    schema_version: int = SCORE_SCHEMA_VERSION
