"""From a document whose every section is right to the frozen configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.aggregates import PERIODIC
from models.spec import (
    QUALITY_TESTS,
    Completeness,
    FeatureSpec,
    HealthSpec,
    LabelSpec,
    LearningSpec,
    MemberSpec,
    ModelSpec,
    OnEventSpec,
    PolicySpec,
    PopulationSpec,
    QualitySpec,
    RateSpec,
    ScheduleSpec,
    ScoringSpec,
    SourceSpec,
    Spec,
)
from schemas.mapping import (
    FieldMapping,
    FieldRule,
    HeartbeatMapping,
    OutcomeKind,
    OutcomeMapping,
    SourceMapping,
    TimeMapping,
)
from schemas.times import DAY, HOUR
from streams.config.document import (
    AppDoc,
    Document,
    FeatureDoc,
    HeartbeatDoc,
    MemberDoc,
    OutcomeDoc,
    QualityDoc,
    RuleDoc,
    SourceDoc,
)
from streams.config.settings import Config, TopicNames, WebAddress, WorkerSettings


def build(doc: Document, path: Path | None) -> Config:
    """Make the configuration; the document has passed every check."""
    worker = WorkerSettings(
        merge_wait=doc.worker.merge_wait,
        max_batch=doc.worker.max_batch,
        session_timeout=doc.worker.session_timeout,
        quiet_after=doc.worker.quiet_after,
        web=WebAddress(doc.worker.web_host, doc.worker.web_port),
    )
    return Config(
        path=path,
        spec=_spec(doc),
        topics=TopicNames(**doc.topics.model_dump()),
        snapshot_store=doc.learning.snapshot_store,
        model_wait=doc.learning.model_wait,
        worker=worker,
    )


def completeness_of(doc: SourceDoc) -> Completeness:
    """What moves the watermark: as said, else the clock for outcomes and data for others."""
    return doc.completeness or ("clock" if doc.outcome is not None else "data")


def stale_after_of(doc: SourceDoc, grid: int) -> int:
    """As said, else: the usual delay, and one hour or two panes on top."""
    if doc.stale_after is not None:
        return doc.stale_after
    return doc.out_of_orderness + (doc.max_delay or 0) + max(HOUR, 2 * grid)


def _spec(doc: Document) -> Spec:
    population = doc.population
    return Spec(
        app=doc.app.name,
        clock=doc.app.clock,
        grid=doc.app.grid,
        max_future=doc.app.max_future,
        sources=tuple(_source(name, s, doc.app) for name, s in doc.sources.items()),
        features=tuple(_feature(feature, doc.app.grid) for feature in doc.features),
        population=PopulationSpec(
            enter=None if population.enter == "any" else population.enter,
            inactivity=population.inactivity,
        ),
        labels=_labels(doc),
        scoring=_scoring(doc),
        model=ModelSpec(
            name=doc.model.name,
            kind=doc.model.kind,
            prior=doc.model.prior,
            seed=doc.model.seed,
            params=tuple(sorted(doc.model.params.items())),
            members=_members(doc.model.members),
        ),
        learning=LearningSpec(
            every=doc.learning.every,
            activation_delay=doc.learning.activation_delay,
            example_every=doc.learning.example_every or doc.labels.horizon,
            sample_key=doc.learning.sample_key,
            complete_within=doc.learning.complete_within,
            negatives=doc.learning.negatives,
            promote=doc.learning.promote,
            evidence_every=doc.learning.evidence_every or 0,
            segments=tuple(doc.learning.segments),
        ),
        challengers=tuple(
            ModelSpec(
                name=name,
                kind=challenger.kind,
                prior=challenger.prior or doc.model.prior,
                seed=challenger.seed,
                params=tuple(sorted(challenger.params.items())),
                members=_members(challenger.members),
            )
            for name, challenger in doc.challengers.items()
        ),
        capacity=doc.worker.capacity,
        policy=PolicySpec(
            default=doc.policy.default,
            degrade=doc.policy.degrade,
            longest_lag=doc.policy.longest_lag or 0,
            lag_models=doc.policy.lag_models,
        ),
        health=HealthSpec(every=doc.health.every, learn_for=doc.health.learn_for),
    )


def _members(docs: Sequence[MemberDoc]) -> tuple[MemberSpec, ...]:
    return tuple(
        MemberSpec(doc.kind, tuple(sorted(doc.params.items())), doc.weight) for doc in docs
    )


def rekeyed_topic_of(name: str, doc: SourceDoc, app: str) -> str | None:
    """Where the source is copied to: as said, else a name made of app and source; None: not."""
    return (doc.rekey_topic or f"{app}.rekey.{name}") if doc.rekey else None


def _source(name: str, doc: SourceDoc, app: AppDoc) -> SourceSpec:
    return SourceSpec(
        name=name,
        topic=doc.topic,
        mapping=_mapping(doc),
        completeness=completeness_of(doc),
        out_of_orderness=doc.out_of_orderness,
        allowed_lateness=doc.allowed_lateness,
        max_delay=doc.max_delay or 0,
        stale_after=stale_after_of(doc, app.grid),
        max_ids=doc.max_ids,
        policy=doc.policy,
        rekeyed_topic=rekeyed_topic_of(name, doc, app.name),
        quality=_quality(doc.quality),
        corrupt_windows=doc.corrupt_windows,
        coverage=doc.coverage,
        stale_given=doc.stale_after is not None,
        segments=None if doc.segments is None else (doc.segments.field, tuple(doc.segments.values)),
    )


def _mapping(doc: SourceDoc) -> SourceMapping:
    return SourceMapping(
        user=doc.user,
        time=TimeMapping(path=doc.time.path, unit=doc.time.unit, zone=doc.time.zone),
        event_id=doc.event_id,
        fields=tuple(
            FieldMapping(name=name, path=field.path, type=field.type, required=field.required)
            for name, field in doc.fields.items()
        ),
        outcome=_outcome(doc.outcome),
        heartbeat=_heartbeat(doc.heartbeat),
        max_bytes=doc.max_bytes,
        rules=tuple(
            _rule(name, rule)
            for name, rule in doc.quality.rules.items()
            if rule != RuleDoc(monotone=rule.monotone)
        ),
    )


def _rule(name: str, doc: RuleDoc) -> FieldRule:
    return FieldRule(name, doc.min, doc.max, doc.allowed or (), doc.required)


def _quality(doc: QualityDoc) -> QualitySpec:
    return QualitySpec(
        tests=QUALITY_TESTS if doc.tests is None else tuple(doc.tests),
        min_samples=doc.min_samples,
        alarms_per_year=doc.alarms_per_year,
        recover=doc.recover,
        monotone=tuple(name for name, rule in doc.rules.items() if rule.monotone),
        max_rate=None if doc.max_rate is None else RateSpec(doc.max_rate.events, doc.max_rate.per),
    )


def _outcome(doc: OutcomeDoc | None) -> OutcomeMapping | None:
    if doc is None:
        return None
    groups: tuple[tuple[list[str], OutcomeKind], ...] = (
        (doc.churn, "churn"),
        (doc.leave, "leave"),
        (doc.return_, "return"),
    )
    kinds = tuple((value, kind) for values, kind in groups for value in values)
    return OutcomeMapping(path=doc.path, kinds=kinds)


def _heartbeat(doc: HeartbeatDoc | None) -> HeartbeatMapping:
    if doc is None:
        return HeartbeatMapping(header="ebbline-heartbeat")
    return HeartbeatMapping(header=doc.header, path=doc.field)


def period_of(doc: FeatureDoc, grid: int) -> int | None:
    """As said, else for the aggregates of PERIODIC days, or panes where they make no days."""
    if doc.period is None and doc.agg in PERIODIC:
        return grid if DAY % grid else DAY
    return doc.period


def _feature(doc: FeatureDoc, grid: int) -> FeatureSpec:
    return FeatureSpec(
        name=doc.name,
        agg=doc.agg,
        source=doc.source,
        of=doc.of,
        where=tuple(doc.where.items()),
        window=doc.window,
        over=doc.over,
        label=doc.label,
        period=period_of(doc, grid),
        values=doc.values or (),
        unit=doc.unit,
    )


def _labels(doc: Document) -> LabelSpec:
    labels = doc.labels
    outcomes = tuple(name for name, source in doc.sources.items() if source.outcome is not None)
    return LabelSpec(
        rule=labels.rule,
        horizon=labels.horizon,
        sources=outcomes if labels.sources is None else tuple(labels.sources),
        leave=labels.leave or "negative",
        min_events=labels.min_events or 1,
        within=labels.within,
    )


def _scoring(doc: Document) -> ScoringSpec:
    scores = doc.scores
    schedule, on_event = None, None
    if scores.schedule is not None:
        schedule = ScheduleSpec(every=scores.schedule.every, anchor=scores.schedule.anchor)
    if scores.on_event is not None:
        named = scores.on_event.sources
        others = [name for name, source in doc.sources.items() if source.outcome is None]
        sources = tuple(others if named is None else named)
        on_event = OnEventSpec(min_interval=scores.on_event.min_interval, sources=sources)
    return ScoringSpec(
        schedule=schedule,
        on_event=on_event,
        bands=tuple(scores.bands.items()),
        reasons=scores.reasons,
        max_catch_up=scores.max_catch_up,
        reasons_from=scores.bands[scores.reasons_from] if scores.reasons_from else 0.0,
        renew=scores.renew,
        renew_at_most=scores.renew_at_most,
    )
