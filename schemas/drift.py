"""How good the model was on examples before it learned them: the drift topic's record."""

from __future__ import annotations

from dataclasses import dataclass, field

DRIFT_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class BandQuality:
    """Are a band's probabilities true? ``predicted`` and ``observed`` are weighted means.

    examples: of the window, predicted to be in the band. predicted, observed: mean probability and
    share that churned; None where there are none.
    """

    band: str
    examples: int
    predicted: float | None
    observed: float | None


@dataclass(frozen=True, slots=True)
class SegmentQuality:
    """Are a segment's probabilities true? ``predicted`` and ``observed`` are weighted means.

    feature: by whose values the window's examples are parted, into quarters or into each of at most
    four values. low, high: least and largest of the segment's values when they were scored; None
    where the value was not known. examples: of the window. predicted, observed: mean probability
    and share that churned.
    """

    feature: str
    low: float | None
    high: float | None
    examples: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class LateCost:
    """What it costs that a source is late, under the policy in force; figures as in SourceCost.

    up_to_s: by so much at most, seconds, and by more than the next shorter one.
    """

    up_to_s: float
    log_loss: float
    error: float
    examples: int


@dataclass(frozen=True, slots=True)
class SourceCost:
    """What it costs not to know a source: log loss more, nats a score, on the same examples.

    error: standard error of it. examples: that it is told from, old ones fading. late: what it
    costs to have it late.
    """

    log_loss: float
    error: float
    examples: int
    late: tuple[LateCost, ...] = ()


@dataclass(frozen=True, slots=True)
class Prequential:
    """Predict-then-learn metrics of one epoch and of a rolling window of examples.

    auc, log_loss: over the rolling window; None while a class is missing.
    dropped: reason to number of the epoch's examples that were not learned.
    base_log_loss: of always predicting the base rate known before the example.
    bands: how true the window's probabilities were, by band of the score. segments: the same, by
    values of the features that ``[learning] segments`` names.
    weights: staleness pattern ("any", or names of sources) to the weight of each policy in it.
    costs: source to what it costs not to know it.
    """

    app: str
    model: str
    epoch: str
    version: int
    examples: int
    positives: int
    learned: int
    window: int
    auc: float | None
    log_loss: float | None
    base_log_loss: float | None
    missing: dict[str, int]
    emitted_at: str
    bands: tuple[BandQuality, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    segments: tuple[SegmentQuality, ...] = ()
    costs: dict[str, SourceCost] = field(default_factory=dict)
    kind: str = "prequential"
    schema_version: int = DRIFT_SCHEMA_VERSION
