"""What a deployment computes: sources, features, population, labels, scores, learning.

Frozen values, made from ``ebbline.toml`` by the shell and passed explicitly. All times
and durations are integer microseconds (UTC since the epoch for times).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import orjson

from models.aggregates import Aggregate, DateUnit
from models.staleness.belief import Degrade
from schemas.mapping import SourceMapping

Completeness = Literal["data", "heartbeat", "clock"]
ClockMode = Literal["arrival", "live"]
LabelRule = Literal["outcome", "inactivity"]
LeaveRule = Literal["negative", "censor"]
PromoteRule = Literal["auto", "manual"]
CorruptWindows = Literal["mask", "remaining"]
Policy = Literal["latest", "consistent", "lag_trained", "degrade", "nowcast", "learned"]

POLICIES = ("latest", "consistent", "lag_trained", "degrade", "nowcast")
"""The policies that ``learned`` weighs; arrays over policies are in this order."""
QualityTest = Literal["volume", "rejected", "nulls", "distribution", "duplicates", "clock"]
QUALITY_TESTS: tuple[QualityTest, ...] = get_args(QualityTest)


@dataclass(frozen=True, slots=True)
class RateSpec:
    """At most so many events of a user in each slice of event time of the length ``per``."""

    events: int
    per: int


@dataclass(frozen=True, slots=True)
class QualitySpec:
    """How it is found out that a source's data is wrong; see models.staleness.quality.

    tests: the learned ones that are on. min_samples: events that a window needs to be judged.
    alarms_per_year: false ones to expect of the source in one partition, all tests together.
    recover: good windows in a row after which a fault counts as over. monotone: fields whose values
    never fall, user by user. max_rate: of a user's events.
    """

    tests: tuple[QualityTest, ...] = QUALITY_TESTS
    min_samples: int = 200
    alarms_per_year: float = 1.0
    recover: int = 2
    monotone: tuple[str, ...] = ()
    max_rate: RateSpec | None = None

    @property
    def guards(self) -> int:
        """Rules that keep something of each user."""
        return len(self.monotone) + (self.max_rate is not None)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A stream of user events with its own delays and failures.

    out_of_orderness: how far behind the newest event time a regular event may come.
    allowed_lateness: how far behind the progress watermark an event is still applied.
    max_delay: ``clock`` completeness only: an event is here this long after it happened.
    stale_after: a staleness above this makes the source late; stale_given: whether it was
    configured and decides alone, or only while too little of the source's own cadence is known.
    segments: (field, values) of kinds of event that are missed when they alone are gone.
    max_ids: event ids remembered for each user (the newest by event time).
    corrupt_windows: what windows that touch an interval of wrong data are: not known, or told from
    the panes that remain, if these are at least ``coverage`` of the window.
    rekeyed_topic: where the source's records are copied to, keyed by user; None: the topic is
    keyed by user itself. policy: what is done while it is stale; None: as everywhere.
    """

    name: str
    topic: str
    mapping: SourceMapping
    completeness: Completeness = "data"
    out_of_orderness: int = 0
    allowed_lateness: int = 0
    max_delay: int = 0
    stale_after: int = 0
    max_ids: int = 1024
    rekeyed_topic: str | None = None
    quality: QualitySpec = QualitySpec()
    corrupt_windows: CorruptWindows = "mask"
    coverage: float = 0.5
    policy: Policy | None = None
    stale_given: bool = False
    segments: tuple[str, tuple[str, ...]] | None = None

    @property
    def input_topic(self) -> str:
        """The topic, keyed by user, that events are read from."""
        return self.rekeyed_topic or self.topic

    @property
    def is_outcome(self) -> bool:
        """Whether the source carries outcomes (churn, leave, return)."""
        return self.mapping.outcome is not None


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One number computed for a user as of a time.

    where: (field, allowed values) pairs; an event counts when every field matches.
    window, over: microseconds; ``over`` is the longer window of ``ratio``, ``trend`` and the
    baselines. period: microseconds, of the aggregates in PERIODIC and of ``user_cycle``. values:
    what ``last_is`` asks for. unit: how the field of an aggregate in DATED holds a date.
    """

    name: str
    agg: Aggregate
    source: str | None = None
    of: str | None = None
    where: tuple[tuple[str, tuple[str | float | bool, ...]], ...] = ()
    window: int | None = None
    over: int | None = None
    label: str | None = None
    period: int | None = None
    values: tuple[str | float | bool, ...] = ()
    unit: DateUnit | None = None


@dataclass(frozen=True, slots=True)
class PopulationSpec:
    """Who is at risk: entered (``enter``: a source's name, or None for any), not left.

    With None users enter with the first event that is no outcome, or with a return: who was
    forgotten after an end is there again as soon as that is told.
    inactivity: microseconds without any event after which a user is not at risk any more.
    """

    enter: str | None = None
    inactivity: int | None = None


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """What churn is. See docs: the design's section on labels.

    sources: whose watermark must pass T + H for a cut to mature (and, for inactivity,
    whose events count). min_events within ``within`` before T: who is eligible (inactivity).
    """

    rule: LabelRule
    horizon: int
    sources: tuple[str, ...]
    leave: LeaveRule = "negative"
    min_events: int = 1
    within: int | None = None


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """Cut points: ``anchor + k * every``."""

    every: int
    anchor: int = 0


@dataclass(frozen=True, slots=True)
class OnEventSpec:
    """Score a user when an event arrives, at most once in ``min_interval`` of event time."""

    min_interval: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoringSpec:
    """When users are scored and what the bands are called.

    bands: (name, lower bound of the probability), ascending, the first at 0.
    reasons: how many contributions a score carries at most. reasons_from: probability below
    which it carries none. renew: whether newest scores are renewed when late data has landed;
    renew_at_most: users of a partition that are gone through for it at one check.
    """

    schedule: ScheduleSpec | None
    on_event: OnEventSpec | None
    bands: tuple[tuple[str, float], ...]
    reasons: int = 3
    max_catch_up: int = 1
    reasons_from: float = 0.0
    renew: bool = False
    renew_at_most: int = 10_000


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """One of the models in a mixture: its kind, what goes to the factory, its weight at first."""

    kind: str
    params: tuple[tuple[str, Any], ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model learns. ``params`` go to the factory; ``prior`` is the base rate before data.

    members: of a mixture; () leaves them to the factory.
    """

    name: str = "champion"
    kind: str = "logistic"
    prior: float = 0.1
    seed: int = 1
    params: tuple[tuple[str, Any], ...] = ()
    members: tuple[MemberSpec, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that kinds are imported from: a snapshot may hold their classes too."""
        kinds = [self.kind, *(member.kind for member in self.members)]
        return tuple(sorted({kind.split(":")[0].split(".")[0] for kind in kinds if ":" in kind}))


@dataclass(frozen=True, slots=True)
class LearningSpec:
    """Epochs of learning, on a grid of arrival time.

    every: length of an epoch. activation_delay: from the end of an epoch to ``valid_from``.
    example_every: distance of the cuts of one user that become examples.
    complete_within: how long after maturity an example waits for slow sources at most.
    sample_key: key of the hashes that choose examples and the order of learning; not the app's
    name, so that a replay under another name chooses the same.
    negatives: probability at which an example without churn is kept, with weight 1 / negatives.
    promote: whether evidence promotes a challenger, or only a request does. evidence_every: length
    of the blocks whose means are the evidence; 0: the horizon.
    segments: features by whose values it is told how true the probabilities were.
    """

    every: int
    activation_delay: int
    example_every: int
    complete_within: int
    sample_key: str = "ebbline"
    negatives: float = 1.0
    promote: PromoteRule = "auto"
    evidence_every: int = 0
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthSpec:
    """How the sources are watched.

    every: distance of the checks, on a grid of the clock. learn_for: how long a source is watched
    before its own cadence is what it is judged by.
    """

    every: int = 3_600_000_000
    learn_for: int = 14 * 24 * 3_600_000_000


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """What is done about stale sources.

    default: of sources that name no policy. degrade: how ``degrade`` leaves a feature out.
    longest_lag: how old a source may be for ``lag_trained`` and ``nowcast`` to have learned it; 0:
    the horizon. lag_models: models trained with a lag at most.
    """

    default: Policy = "latest"
    degrade: Degrade = "average"
    longest_lag: int = 0
    lag_models: int = 3


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything the deterministic core needs to know about a deployment."""

    app: str
    clock: ClockMode
    grid: int
    max_future: int
    sources: tuple[SourceSpec, ...]
    features: tuple[FeatureSpec, ...]
    population: PopulationSpec
    labels: LabelSpec
    scoring: ScoringSpec
    model: ModelSpec
    learning: LearningSpec
    capacity: int = 200_000
    policy: PolicySpec = PolicySpec()
    challengers: tuple[ModelSpec, ...] = ()
    health: HealthSpec = HealthSpec()
    feature_set: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Derive the version of the feature set: a hash of grid, sources and features."""
        object.__setattr__(self, "feature_set", feature_set_version(self))

    def source_index(self, name: str) -> int:
        """Position of the source in configuration order (the merge's tie-break)."""
        return next(i for i, source in enumerate(self.sources) if source.name == name)

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """All models in training: the one of ``[model]`` first."""
        return (self.model, *self.challengers)

    def of_model(self, name: str) -> Spec:
        """The same deployment, as one of its models sees it; any name that is not configured too.

        A name that is not configured (any more) has the settings of ``[model]``.
        """
        known = next((model for model in self.models if model.name == name), None)
        return replace(self, model=known or replace(self.model, name=name))

    @property
    def longest_lag(self) -> int:
        """The oldest a source's features can be learned to be used, on the grid, microseconds."""
        return max((self.policy.longest_lag or self.labels.horizon) // self.grid, 1) * self.grid

    @property
    def policies(self) -> frozenset[Policy]:
        """All policies that some source has."""
        return frozenset(source.policy or self.policy.default for source in self.sources)

    @property
    def learns_lags(self) -> bool:
        """Whether anything is learned from features as they were some time before."""
        return not self.policies.isdisjoint({"learned", "lag_trained", "nowcast"})

    @property
    def cuts(self) -> ScheduleSpec:
        """The cut points: the schedule, or one cut for each horizon where there is none."""
        return self.scoring.schedule or ScheduleSpec(every=self.labels.horizon)


_OPERATIONAL = (
    "topic",
    "rekeyed_topic",
    "stale_after",
    "max_delay",
    "quality",
    "corrupt_windows",
    "coverage",
    "policy",
    "stale_given",
    "segments",
)
"""Settings of a source that change no stored value."""


def feature_set_version(spec: Spec) -> str:
    """Hash what a user's state and vector depend on: grid, sources, features.

    The events that a label by inactivity counts are stored beside the features' aggregates.
    Operational settings of a source that change no stored value (its topic's name, when it
    counts as stale, what is wrong with a record) are left out.
    """
    sources = [asdict(source) for source in spec.sources]
    for source in sources:
        for name in _OPERATIONAL:
            del source[name]
        del source["mapping"]["rules"]
    guarded = {
        source.name: [source.quality.monotone, asdict(source.quality)["max_rate"]]
        for source in spec.sources
        if source.quality.guards
    }
    features = [_stored(feature) for feature in spec.features]
    counted = spec.labels.sources if spec.labels.rule == "inactivity" else ()
    content: dict[str, Any] = {
        "grid": spec.grid,
        "sources": sources,
        "features": features,
        "counted": counted,
    }
    if guarded:
        content["guarded"] = guarded
    digest = hashlib.blake2b(
        orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS), digest_size=6
    )
    return f"fs-{digest.hexdigest()}"


def _stored(feature: FeatureSpec) -> dict[str, Any]:
    """What a feature is. Settings that came later count only where they are used."""
    content = asdict(feature)
    unused = [name for name in ("period", "values", "unit") if not content[name]]
    return {name: value for name, value in content.items() if name not in ("label", *unused)}
