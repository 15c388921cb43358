"""How each source of a partition is doing: the sources topic's record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from schemas.scores import Health

SOURCES_SCHEMA_VERSION = 2


IntervalState = Literal["open", "closed", "accepted", "rejected", "repaired"]


@dataclass(frozen=True, slots=True)
class WrongInterval:
    """Events with begin < time <= end that are wrong. Times RFC 3339.

    end: None while it is open. reason: what is wrong, for people. noticed: clock of the partition
    when it was found. by: ``gate``, or who gave the verdict.
    """

    id: str
    begin: str
    end: str | None
    state: IntervalState
    reason: str
    noticed: str
    by: str


@dataclass(frozen=True, slots=True)
class Delays:
    """From event to arrival. None: not seen yet.

    newest_s: how far the newest event lay behind its arrival; usual_s, most_s: median and 95 %
    quantile of that so far, one value for each check with data. events_p50_s, events_p95_s: of
    single events, and buckets, weights: their distribution, that of several partitions by adding up
    (bucket k holds the delays from 2**((k-1)/4) to 2**(k/4) seconds).
    """

    newest_s: float | None = None
    usual_s: float | None = None
    most_s: float | None = None
    events_p50_s: float | None = None
    events_p95_s: float | None = None
    buckets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Silence:
    """Since the newest data came, by the partition's clock.

    usual_s: median of all silences so far. expected: pulses (ticks with data) that would have been
    usual meanwhile at these hours of the week; p: probability of so much silence, given those seen
    so far; bound: of ``expected``, above which the source is stalled; all None while too little is
    known. active_share: of all ticks, those with data.
    """

    since: str | None = None
    seconds: float | None = None
    usual_s: float | None = None
    expected: float | None = None
    p: float | None = None
    bound: float | None = None
    active_share: float | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of the source that is gone while the rest flows. of: users, or (kinds of) events."""

    of: Literal["users", "events"]
    what: str
    since: str


@dataclass(frozen=True, slots=True)
class Later:
    """What comes later than usual for this source, while its newest data may be in time.

    share: of the events of the last day; by_s: the median of their delays; since: clock at which
    two days in a row had stood out. Clocks that are behind look the same.
    """

    share: float
    by_s: float
    since: str


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source in one partition. Times RFC 3339, None when never seen.

    watermark says how complete the source is, last_data whether it is alive. repeated_copies: of
    a rekeyed source, copies that came again and were dropped. corrupt_since: event time after which
    its data is wrong now, None: it is right. intervals: those of wrong data, of accepted ones the
    newest. evidence: why the health is what it is, in words. stale_after_s: the bound in force.
    later: None: nothing comes later than usual.
    """

    app: str
    source: str
    topic: str
    partition: int
    clock: str | None
    watermark: str | None
    last_data: str | None
    staleness_s: float | None
    health: Health
    events: int
    heartbeats: int
    late: int
    duplicates: int
    rejected: dict[str, int]
    out_of_arrival_order: int
    emitted_at: str
    repeated_copies: int = 0
    corrupt_since: str | None = None
    intervals: list[WrongInterval] = field(default_factory=list)
    evidence: str = ""
    stale_after_s: float | None = None
    delays: Delays = Delays()
    silence: Silence = Silence()
    missing: list[Missing] = field(default_factory=list)
    later: Later | None = None
    schema_version: int = SOURCES_SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class CostOfLag:
    """What it costs that a source is late, under the policy in force: nats of log loss a score.

    up_to_s: by so many seconds at most, and by more than the next shorter one.
    """

    up_to_s: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class SourceOverall:
    """One source over all its partitions, by the worker that has partition 0. Times RFC 3339.

    health: the worst that half of the partitions with data have; ``corrupt`` as soon as one has.
    affected: partitions that are worse than fresh. idle: partitions without data, or quiet as
    usual: they neither hold the watermark back nor count as late. unreported: partitions whose
    worker has said nothing for long. silence_s: since the newest data of any partition; p: of that
    silence. since: clock at which the health became what it is. delay_p50_s, delay_p95_s: of single
    events. Counts as in SourceStatus, summed. cost_missing: what it costs not to know the source,
    nats of log loss a score; None: not known yet, or no feature is read from it. cost_late: what it
    costs to have it late, the shortest lags first. later: of the partition in which the most comes
    later than usual.
    """

    app: str
    source: str
    topic: str
    health: Health
    evidence: str
    clock: str | None
    watermark: str | None
    last_data: str | None
    staleness_s: float | None
    usual_lag_s: float | None
    silence_s: float | None
    p: float | None
    partitions: int
    affected: list[int]
    idle: list[int]
    unreported: list[int]
    missing: list[Missing]
    corrupt_since: str | None
    delay_p50_s: float | None
    delay_p95_s: float | None
    events: int
    late: int
    rejected: int
    since: str | None
    emitted_at: str
    cost_missing: float | None = None
    cost_late: list[CostOfLag] = field(default_factory=list)
    later: Later | None = None
    kind: Literal["source"] = "source"
    schema_version: int = SOURCES_SCHEMA_VERSION
