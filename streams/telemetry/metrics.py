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
        self.model_version = Gauge("model_version", "Newest model version known", **make)
        self.model_waits = Counter(
            "model_waits_total", "Waits for a model at its time of activation", ["result"], **make
        )
        self.model_refused = Counter("model_refused_total", "Snapshots refused", ["reason"], **make)
        self.learned = Counter("examples_learned_total", "Examples learned", **make)
        self.epochs = Counter("epochs_total", "Epochs of learning closed", **make)
        self.batch_seconds = Histogram("batch_seconds", "Time to work off one batch", **make)
