"""Prometheus metrics of one process."""

from __future__ import annotations

from typing import TypedDict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class _Common(TypedDict):
    registry: CollectorRegistry
    namespace: str


class Metrics:
    """All metrics, in a registry of their own (nothing global, so tests can have many)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make: _Common = {"registry": self.registry, "namespace": "ebbline"}
        self.records = Counter("records_total", "Records read", ["source"], **make)
        self.rekeyed = Counter("rekeyed_total", "Records copied, keyed by user", ["source"], **make)
        self.outputs = Counter("outputs_total", "Records sent and acknowledged", ["topic"], **make)
        self.rejected = Counter(
            "rejected_total", "Records sent to the dead letters", ["source", "reason"], **make
        )
        self.commits = Counter("commits_total", "Batches made durable", ["partition"], **make)
        self.retries = Counter(
            "retries_total", "Tries again while a service was away", ["service"], **make
        )
        self.waiting = Gauge(
            "waiting", "Operations waiting for a service that is away", ["service"], **make
        )
        self.healed = Counter(
            "healed_total", "Partitions re-read because Redis was behind the commit", **make
        )
        self.users = Gauge("resident_users", "Users in memory", ["partition"], **make)
        self.partitions = Gauge("partitions", "Partitions this process has claimed", **make)
        self.clock = Gauge("clock_seconds", "Clock of a partition", ["partition"], **make)
        self.staleness = Gauge(
            "source_staleness_seconds", "Clock - watermark", ["source", "partition"], **make
        )
        self.disordered = Gauge(
            "out_of_arrival_order_records",
            "Records whose arrival lay below the clock when they came",
            ["source", "partition"],
            **make,
        )
        self.source_health = Gauge(
            "source_health",
            "0 fresh, 1 lagging, 2 stalled, 3 corrupt, 4 unknown; by the worker with partition 0",
            ["source"],
            **make,
        )
        self.source_affected = Gauge(
            "source_partitions_affected", "Partitions worse than fresh", ["source"], **make
        )
        self.source_missing = Gauge(
            "source_parts_missing", "Parts gone while the rest flows", ["source"], **make
        )
        self.source_later = Gauge(
            "source_later_share", "Share that comes later than usual", ["source"], **make
        )
        self.source_overall_staleness = Gauge(
            "source_overall_staleness_seconds", "Clock - watermark, merged", ["source"], **make
        )
        self.source_silence = Gauge(
            "source_silence_seconds", "Since data came in any partition", ["source"], **make
        )
        self.source_delay = Gauge(
            "source_delay_seconds", "Median from event to arrival", ["source"], **make
        )
        self.model_version = Gauge("model_version", "Newest model version known", **make)
        self.model_waits = Counter(
            "model_waits_total", "Waits for a model at its time of activation", ["result"], **make
        )
        self.model_refused = Counter("model_refused_total", "Snapshots refused", ["reason"], **make)
        self.learned = Counter("examples_learned_total", "Examples learned", **make)
        self.epochs = Counter("epochs_total", "Epochs of learning closed", **make)
        self.batch_seconds = Histogram("batch_seconds", "Time to work off one batch", **make)

    def forget_sources(self) -> None:
        """Another worker tells now how the sources are doing."""
        for gauge in (
            self.source_health,
            self.source_affected,
            self.source_missing,
            self.source_later,
            self.source_overall_staleness,
            self.source_silence,
            self.source_delay,
        ):
            gauge.clear()

    def forget_partitions(self) -> None:
        """None is claimed any more: what was last known of them is for others to tell."""
        for gauge in (self.users, self.clock, self.staleness, self.disordered):
            gauge.clear()
