"""What a configuration amounts to, in the words of people."""

from __future__ import annotations

from dataclasses import dataclass

from models.features.plan import make_plan, reach
from models.spec import SourceSpec, Spec
from models.state.cuts import CutRecord
from schemas.times import format_duration, format_time
from streams.config.settings import Config

BYTES_PER_CELL = 8
MUCH_MEMORY = 8 * 2**30


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows (name, text) about the whole; a row of texts for each source; things to consider."""

    rows: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


SOURCE_COLUMNS = ("source", "topic", "watermark moved by", "allowed lateness", "stalled after")


def summarize(config: Config) -> Summary:
    """Sum a configuration up."""
    spec = config.spec
    rows = (
        ("app", f"{spec.app}, {spec.clock} clock, grid {format_duration(spec.grid)}"),
        ("features", f"{len(spec.features)}, set {spec.feature_set}"),
        ("churn", _labels(spec)),
        ("scores", _scores(spec)),
        ("model", _model(spec)),
        ("quality", _quality(spec)),
        ("memory", _memory(spec)),
    )
    return Summary(rows, tuple(_source(source) for source in spec.sources), tuple(_notes(spec)))


def bytes_per_user(spec: Spec) -> int:
    """Estimate of what a user takes who has events in every pane of every source.

    Panes without events take nothing; sketches and ids come on top.
    """
    plan = make_plan(spec)
    columns = sum(len(source.columns) for source in plan.sources)
    return plan.panes * columns * BYTES_PER_CELL


def bytes_per_cut(spec: Spec) -> int:
    """What one cut takes in its user's value, from being scored until its label is known."""
    sources, features = len(spec.sources), len(spec.features)
    codes = bytes(sources)
    record = CutRecord(0, 0.0, (0,) * sources, codes, codes, (0.0,) * features)
    return len(record.pack())


def _labels(spec: Spec) -> str:
    labels = spec.labels
    names, horizon = ", ".join(labels.sources), format_duration(labels.horizon)
    if labels.rule == "outcome":
        return f"an outcome within {horizon}, said by {names}; a planned end is {labels.leave}"
    within = format_duration(labels.within or 0)
    return (
        f"no event of {names} within {horizon}, for users with {labels.min_events} or more "
        f"in the {within} before"
    )


def _scores(spec: Spec) -> str:
    parts = []
    if schedule := spec.scoring.schedule:
        anchor = format_time(schedule.anchor)
        parts.append(f"everyone at risk every {format_duration(schedule.every)} from {anchor}")
    if on_event := spec.scoring.on_event:
        interval = format_duration(on_event.min_interval)
        parts.append(f"on events of {', '.join(on_event.sources)}, at most every {interval}")
    if spec.scoring.renew:
        parts.append("again when late data has landed")
    return "; ".join(parts)


def _model(spec: Spec) -> str:
    learning = spec.learning
    challengers = ", ".join(f"{model.name} ({model.kind})" for model in spec.challengers)
    beside = f", challenged by {challengers} ({learning.promote} promotion)" if challengers else ""
    return (
        f"{spec.model.name} ({spec.model.kind}, prior {spec.model.prior:g}){beside}, epochs of "
        f"{format_duration(learning.every)}, scoring {format_duration(learning.activation_delay)} "
        f"later; one example of a user every {format_duration(learning.example_every)}"
    )


def _quality(spec: Spec) -> str:
    """What is asked of records and of windows of each source."""
    asked = []
    for source in spec.sources:
        rules = len(source.mapping.rules) + source.quality.guards
        parts = [f"{rules} rule{'s' if rules > 1 else ''}"] if rules else []
        parts += [", ".join(source.quality.tests) or "no learned tests"]
        asked.append((source.name, "; ".join(parts)))
    texts = list(dict.fromkeys(text for _, text in asked))
    return ". ".join(
        f"{', '.join(name for name, own in asked if own == text)}: {text}" for text in texts
    )


def _memory(spec: Spec) -> str:
    one = bytes_per_user(spec)
    return (
        f"panes reach {format_duration(reach(spec))} back: at most {_bytes(one)} a user, "
        f"{_bytes(one * spec.capacity)} for the {spec.capacity} users held at once in a partition "
        "(panes without events take nothing); "
        f"{_bytes(bytes_per_cut(spec))} for each cut that waits for its label"
    )


def _source(source: SourceSpec) -> tuple[str, ...]:
    moved = {
        "data": "its data",
        "heartbeat": "data and heartbeats",
        "clock": f"data, and the clock less {format_duration(source.max_delay)}",
    }[source.completeness]
    return (
        f"{source.name} (outcomes)" if source.is_outcome else source.name,
        source.topic if source.rekeyed_topic is None else f"{source.topic} (rekeyed)",
        moved,
        format_duration(source.allowed_lateness),
        format_duration(source.stale_after),
    )


def _notes(spec: Spec) -> list[str]:
    notes = [
        f"{source.name}: without event_id, an event that is sent twice counts twice."
        for source in spec.sources
        if source.mapping.event_id is None
    ]
    if bytes_per_user(spec) * spec.capacity > MUCH_MEMORY:
        notes.append(
            "That is much memory: a coarser app.grid, shorter windows or a smaller "
            "worker.capacity need less."
        )
    return notes


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
