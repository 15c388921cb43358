"""The shape of ``ebbline.toml``: one model for each of its sections.

Strict, and closed: a key that is not named here is a mistake. What two sections must agree on
is checked in `streams.config.checks`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.aggregates import Aggregate, DateUnit
from models.spec import (
    ClockMode,
    Completeness,
    CorruptWindows,
    LabelRule,
    LeaveRule,
    Policy,
    PromoteRule,
    QualityTest,
)
from models.staleness.belief import Degrade
from schemas.mapping import FieldType, TimeUnit
from schemas.times import HOUR, MINUTE, SECOND
from streams.config.values import (
    Allowed,
    Duration,
    Moment,
    Name,
    PathText,
    PositiveDuration,
    TopicName,
)

Finite = Annotated[float, Field(allow_inf_nan=False)]
DAY = 24 * HOUR


class Section(BaseModel):
    """What all sections share."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class AppDoc(Section):
    """The deployment and its clock."""

    name: Name
    """Name of the deployment: part of its consumer group, its Redis keys and its scores' ids."""
    clock: ClockMode = "live"
    """live: the wall clock once caught up. arrival: records alone move it (replays, history)."""
    grid: PositiveDuration = HOUR
    """Width of a pane of event time. Divides the schedule, the horizon and every window."""
    max_future: Duration = HOUR
    """An event time further ahead of its arrival than this is dead-lettered."""


class TimeDoc(Section):
    """Where a record's event time stands and how it is written."""

    path: PathText
    """Path of the time in the record's JSON."""
    unit: TimeUnit
    """s, ms or us since 1970 UTC, or rfc3339 text."""
    zone: str | None = None
    """IANA zone of rfc3339 times without an offset, which are rejected without it."""


class FieldDoc(Section):
    """One field of the record that features use."""

    path: PathText
    """Path of the field in the record's JSON."""
    type: FieldType
    """number, string or bool; any other type rejects the record."""
    required: bool = True
    """Whether a record without it is rejected; otherwise the field is not known."""


class HeartbeatDoc(Section):
    """How a heartbeat (a record without a user) is recognised: a header, or a true field."""

    header: Annotated[str, Field(min_length=1)] | None = None
    """Name of a record header; any value."""
    field: PathText | None = None
    """Path of a field that is true in heartbeats."""


class OutcomeDoc(Section):
    """Which values of a field mean that a user left, and how."""

    path: PathText
    """Path of the field in the record's JSON; its values are strings."""
    churn: list[str] = []
    """Values that mean churn: what the model predicts."""
    leave: list[str] = []
    """Values that mean a planned end, which is not churn."""
    return_: list[str] = Field(default=[], alias="return")
    """Values that mean that a user has come back."""


class RuleDoc(Section):
    """What a field's values must be like; a record that breaks it is dead-lettered."""

    min: Finite | None = None
    """The smallest number that is right."""
    max: Finite | None = None
    """The largest number that is right."""
    allowed: Allowed | None = None
    """The only values that are right: a value, or a list of them."""
    required: bool = False
    """Whether the field must be known."""
    monotone: bool = False
    """Whether the number never falls, user by user: a meter, a counter."""


class RateDoc(Section):
    """How many events of a user are too many."""

    events: Annotated[int, Field(ge=1)]
    """At most so many are used."""
    per: PositiveDuration
    """In each slice of event time of this length."""


class QualityDoc(Section):
    """How it is found out that a source's data is wrong."""

    rules: dict[str, RuleDoc] = {}
    """For single records, by the field's name."""
    max_rate: RateDoc | None = None
    """Events of a user beyond it are dead-lettered."""
    tests: list[QualityTest] | None = None
    """Learned tests of whole windows that are on; [] none. Default: all. A window that fails marks
    the source corrupt: volume (events for each hour of the week), rejected (dead letters), nulls,
    distribution (of each field that features use; another unit, a stuck value), duplicates (without
    event_id), clock (events from the future)."""
    min_samples: Annotated[int, Field(ge=50)] = 200
    """Events that a window needs to be judged; where there are fewer it becomes longer."""
    alarms_per_year: Annotated[Finite, Field(gt=0)] = 1.0
    """False alarms to expect of the source in each partition, all tests together."""
    recover: Annotated[int, Field(ge=1)] = 2
    """Good windows in a row after which the fault counts as over."""


class SegmentsDoc(Section):
    """Kinds of events of a source, each of which may fail by itself."""

    field: str
    """Name of one of the source's fields, of type string."""
    values: Annotated[list[str], Field(min_length=1, max_length=32)]
    """Its values, each a kind of event."""


class SourceDoc(Section):
    """A stream of user events: its topic, how its JSON is read, and how complete it is when."""

    topic: TopicName
    """Kafka topic; keyed by user id as text, partitioned by murmur2 (Java's default), unless rekey
    is true."""
    rekey: bool = False
    """The topic is keyed by something else, or not at all, and may have any number of partitions:
    the role rekey copies it to a topic that is keyed by user."""
    rekey_topic: TopicName | None = None
    """Where the copies go. Default: <app>.rekey.<source>."""
    user: PathText
    """Path of the user id in the record's JSON."""
    time: TimeDoc
    """The event time."""
    event_id: PathText | None = None
    """Path of an event id; with it, duplicates are dropped."""
    fields: dict[str, FieldDoc] = {}
    """Fields that features use, by the name that features give them."""
    outcome: OutcomeDoc | None = None
    """Makes this a source of outcomes."""
    heartbeat: HeartbeatDoc | None = None
    """Default: the header ebbline-heartbeat."""
    completeness: Completeness | None = None
    """What moves the watermark: data, heartbeat (data and heartbeats), or clock (silence means
    that nothing happened). Default: clock for outcomes, else data."""
    out_of_orderness: Duration = 0
    """How far behind the newest event time a regular event may come."""
    allowed_lateness: Duration = DAY
    """How far behind the watermark an event is still applied; later ones are dead-lettered."""
    max_delay: Duration | None = None
    """For completeness = "clock": an event is here this long after it happened, at the latest."""
    stale_after: PositiveDuration | None = None
    """A staleness above this makes the source late, and stalled where that is mostly silence. Up to
    it the source is read as of now, with what has not come yet missing from its windows.
    Default: out_of_orderness + max_delay + the larger of 1h and two panes; and how long a silence
    may be is learned from the source's own cadence by hour of the week."""
    segments: SegmentsDoc | None = None
    """Kinds of events that are missed when they alone are gone."""
    corrupt_windows: CorruptWindows = "mask"
    """What a window is that touches an interval of wrong data: mask (not known), or remaining (told
    from the panes that are left; count and sum are divided by their share)."""
    coverage: Annotated[float, Field(gt=0, le=1)] = 0.5
    """For corrupt_windows = "remaining": share of a window's panes that must be left."""
    policy: Policy | None = None
    """What is done while it is stale. Default: as in [policy]."""
    max_ids: Annotated[int, Field(ge=1)] = 1024
    """Event ids remembered for each user."""
    max_bytes: Annotated[int, Field(ge=1)] = 1_048_576
    """A larger record value is dead-lettered unparsed."""
    quality: QualityDoc = QualityDoc()
    """Rules for its records, and learned tests of its data."""


class FeatureDoc(Section):
    """One number computed for a user as of a time."""

    name: Name
    """Name of the feature, unique."""
    agg: Aggregate
    """The aggregate: over a window (count sum mean min max std distinct share due_in), over the
    periods of a window (active_periods streak longest_streak gap_mean gap_std gap_max gap_ratio),
    two windows (ratio trend baseline_ratio baseline_z), the whole past (last last_is last_due_in
    first_seen_age last_seen_age), or no source at all (user_age user_cycle day_of_week
    day_of_month season_sin season_cos). docs/features.md defines each."""
    source: str | None = None
    """Name of a source."""
    of: str | None = None
    """Name of one of the source's fields."""
    where: dict[str, Allowed] = {}
    """Only events whose fields have these values (a value, or a list of them)."""
    window: PositiveDuration | None = None
    """How far back from the as-of time it looks."""
    over: PositiveDuration | None = None
    """The longer window of ratio, S(window) / S(over), and trend, the same for means in time;
    S is the sum of `of`, or the number of events without it. For baseline_ratio and baseline_z:
    `window` and the windows of its length before it, a multiple of it."""
    period: PositiveDuration | None = None
    """What active_periods, the streaks and the gaps count in: a day, or app.grid, if not said; the
    length of user_cycle."""
    values: Allowed | None = None
    """What last_is asks for: a value, or a list of them."""
    unit: DateUnit | None = None
    """How `of` holds the date of due_in or last_due_in: s, ms or us since 1970 UTC, or days after
    the event."""
    label: str | None = None
    """Words for people, in the reasons of a score."""


class PopulationDoc(Section):
    """Who is at risk of churn."""

    enter: str = "any"
    """A user enters with the first event of this source; any: of whichever source, or with an
    outcome that says that the user has come back."""
    inactivity: PositiveDuration | None = None
    """A user without any event for so long is not at risk any more."""


class LabelsDoc(Section):
    """What churn is, and how far ahead it is predicted."""

    rule: LabelRule
    """outcome: an outcome source says so. inactivity: no event of the named sources."""
    horizon: PositiveDuration
    """Churn is predicted for the time (T, T + horizon]."""
    sources: list[str] | None = None
    """Whose events decide. Default for rule = "outcome": the outcome sources."""
    leave: LeaveRule | None = None
    """A planned end inside the horizon is a negative (default), or censors the example."""
    min_events: Annotated[int, Field(ge=1)] | None = None
    """Inactivity: who had so many events (default 1) within `within` before T can churn."""
    within: PositiveDuration | None = None
    """See min_events."""


class ScheduleDoc(Section):
    """Times at which everyone at risk is scored: anchor + k * every."""

    every: PositiveDuration
    """Distance of the cuts."""
    anchor: Moment = 0
    """A time on the schedule. Default: 1970-01-01T00:00:00Z, a Thursday."""


class OnEventDoc(Section):
    """Scoring a user when an event arrives."""

    min_interval: Duration = MINUTE
    """At most one such score for a user in this much event time."""
    sources: list[str] | None = None
    """Whose events trigger. Default: all but the outcome sources."""


class ScoresDoc(Section):
    """When users are scored, and what the scores say."""

    schedule: ScheduleDoc | None = None
    """Score everyone at risk every so often, the quiet ones too."""
    on_event: OnEventDoc | None = None
    """Score a user when an event of theirs arrives."""
    bands: dict[str, Finite] = {"low": 0.0, "medium": 0.1, "high": 0.3}
    """Names of risk bands with their lower bounds, ascending from 0."""
    reasons: Annotated[int, Field(ge=0)] = 3
    """How many features a score names at most as its reasons."""
    reasons_from: str | None = None
    """Only scores of this band and those above it give reasons. Default: all."""
    renew: bool = False
    """Score users again, once late data has landed, whose newest score was told without it."""
    renew_at_most: Annotated[int, Field(ge=1)] = 10_000
    """Users of a partition that are gone through for that at each check of the sources."""
    max_catch_up: Annotated[int, Field(ge=0)] = 1
    """How many schedule points missed while down are still scored; the rest are counted."""


class MemberDoc(Section):
    """One of the models in a mixture."""

    kind: str
    """As in [model], but no mixture."""
    params: dict[str, str | int | Finite | bool] = {}
    """Handed to the model's factory."""
    weight: Annotated[Finite, Field(gt=0)] = 1.0
    """At first, against the other members'."""


class ModelDoc(Section):
    """Which model learns, and scores at first."""

    name: Name = "champion"
    """Name on scores and snapshots."""
    kind: str = "mixture"
    """mixture (of the members; by default logistic, boosted, refitted, and forgetting with little
    weight at first), logistic (with replay), boosted (trees, with replay), refitted (a logistic
    regression fitted to a sample of history), forgetting (one on the latest examples),
    river_logistic (plainly online), hat (one adaptive tree), arf (a forest), or a River
    classifier's import path, "package.module:Class"."""
    members: list[MemberDoc] = []
    """Of a mixture: its models. Their logits are averaged, by weights that follow how well each
    predicts."""
    prior: Annotated[Finite, Field(gt=0, lt=1)] = 0.1
    """Base rate of churn within the horizon that is assumed before anything is learned."""
    seed: int = 1
    """Of everything random in the model."""
    params: dict[str, str | int | Finite | bool] = {}
    """Handed to the model's factory."""


class ChallengerDoc(Section):
    """A model that learns beside the one of [model] and scores once it proves better."""

    kind: str
    """As in [model]."""
    members: list[MemberDoc] = []
    """As in [model]."""
    prior: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    """As in [model], whose prior it has where none is given."""
    seed: int = 1
    """Of everything random in the model."""
    params: dict[str, str | int | Finite | bool] = {}
    """Handed to the model's factory."""


class LearningDoc(Section):
    """Learning in epochs of arrival time."""

    every: PositiveDuration = DAY
    """Length of an epoch; one snapshot of the model for each."""
    activation_delay: Duration = HOUR
    """From the end of an epoch to when its model scores: time for the trainer to learn it."""
    example_every: PositiveDuration | None = None
    """Each user gives one example in so long. Default: the horizon."""
    sample_key: Annotated[str, Field(min_length=1)] = "ebbline"
    """Key of the hashes that choose examples; a replay needs production's."""
    complete_within: Duration = 7 * DAY
    """How long a matured example waits for slow sources at most."""
    negatives: Annotated[Finite, Field(gt=0, le=1)] = 1.0
    """Share of the examples without churn that is kept, each with the weight 1 / negatives."""
    promote: PromoteRule = "auto"
    """auto: a challenger that proves better scores from the next epoch on. manual: it is only said;
    ebbline models promote does it."""
    evidence_every: PositiveDuration | None = None
    """Challengers are compared by means over blocks of this length. Default: the horizon."""
    segments: Annotated[list[str], Field(max_length=4)] = []
    """Features by quarters of whose values the drift topic tells whether the probabilities were
    true, beside the bands. At most four."""
    snapshot_store: Annotated[str, Field(min_length=1)] = "redis"
    """Where model snapshots are kept: redis, a folder, or an fsspec URL (s3://bucket/path)."""
    model_wait: Duration = 60 * SECOND
    """With clock = "arrival", how long a worker waits for an epoch's model."""


class HealthDoc(Section):
    """How it is told whether a source is fresh, late, silent or wrong."""

    every: PositiveDuration = HOUR
    """Distance of the checks of all sources: what is usual for each is learned there."""
    learn_for: PositiveDuration = 14 * DAY
    """How long a source is watched before it is judged by its own cadence."""


class PolicyDoc(Section):
    """What is done about sources that are not fresh."""

    default: Policy = "learned"
    """latest: a stale source's windows end at its own watermark. consistent: all sources are read
    as of the oldest watermark. lag_trained: by a model that was trained with that lag. degrade: its
    features are left out. nowcast: they are taken for what they probably are by now. learned: all
    of these, by weights that follow how well each predicts. docs/policies.md tells more."""
    degrade: Degrade = "average"
    """How degrade leaves a feature out of a tree: average (all branches) or most_common."""
    longest_lag: PositiveDuration | None = None
    """How old a source may be for lag_trained and nowcast to know it; state is kept for so long.
    Default: the horizon."""
    lag_models: Annotated[int, Field(ge=0, le=16)] = 3
    """Models that are trained with a lag, at most."""


class TopicsDoc(Section):
    """Names of the topics that Ebbline writes."""

    scores: TopicName = "churn.scores"
    """One record for each score, keyed by user."""
    sources: TopicName = "churn.sources"
    """Watermarks, statistics and health of the sources."""
    deadletter: TopicName = "churn.deadletter"
    """Records that were not used, with the reason."""
    examples: TopicName = "churn.examples"
    """Matured examples for the trainer; one partition."""
    models: TopicName = "churn.models"
    """Manifests of model snapshots; compacted, one partition."""
    drift: TopicName = "churn.drift"
    """Metrics of the model on examples before it learned them."""


class WorkerDoc(Section):
    """Operation of a worker process; no score depends on it."""

    capacity: Annotated[int, Field(ge=1)] = 200_000
    """Users of a partition held in memory at once; the others wait in Redis."""
    merge_wait: Duration = SECOND // 10
    """How long the merge waits for a topic with nothing buffered, before it asks for its end."""
    max_batch: Annotated[int, Field(ge=1, le=100_000)] = 40_000
    """Records applied at once at the most; fewer when there are no more."""
    session_timeout: PositiveDuration = 45 * SECOND
    """After so long without a sign of life the group gives a worker's partitions to others."""
    quiet_after: PositiveDuration = 10 * MINUTE
    """A live worker without a new record for so long says so."""
    web_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address of /metrics, /healthz and /readyz."""
    web_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    """Port of the same; 0: any free one."""


class Document(Section):
    """Configuration of an Ebbline deployment: ebbline.toml."""

    app: AppDoc
    sources: Annotated[dict[Name, SourceDoc], Field(min_length=1)]
    """Streams of user events by name; their order breaks ties between records of one time."""
    features: Annotated[list[FeatureDoc], Field(min_length=1)]
    """What the model sees of a user."""
    population: PopulationDoc = PopulationDoc()
    labels: LabelsDoc
    scores: ScoresDoc
    model: ModelDoc = ModelDoc()
    challengers: dict[Name, ChallengerDoc] = {}
    """Models that learn beside it, by name."""
    learning: LearningDoc = LearningDoc()
    health: HealthDoc = HealthDoc()
    policy: PolicyDoc = PolicyDoc()
    topics: TopicsDoc = TopicsDoc()
    worker: WorkerDoc = WorkerDoc()
