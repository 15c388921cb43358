"""The configuration of a deployment, frozen: what the core computes and how the shell runs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from models.spec import SourceSpec, Spec


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The topics that Ebbline writes."""

    scores: str = "churn.scores"
    sources: str = "churn.sources"
    deadletter: str = "churn.deadletter"
    examples: str = "churn.examples"
    models: str = "churn.models"
    drift: str = "churn.drift"

    def all(self) -> tuple[str, ...]:
        """Every name, in the order of declaration."""
        return tuple(asdict(self).values())


class WebAddress(NamedTuple):
    """Where /metrics, /healthz and /readyz answer. Port 0: any free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker process runs; no score depends on it. Durations in microseconds.

    merge_wait: how long the merge waits for a topic with nothing buffered before it asks.
    quiet_after: a live worker without a new record for so long says so.
    """

    merge_wait: int
    max_batch: int
    session_timeout: int
    quiet_after: int
    web: WebAddress


@dataclass(frozen=True, slots=True)
class Config:
    """One ``ebbline.toml``, validated.

    path: the file, None when it came from elsewhere. snapshot_store: ``redis``, a folder or an
    fsspec URL. model_wait: microseconds, see `LearningDoc`.
    """

    path: Path | None
    spec: Spec
    topics: TopicNames
    snapshot_store: str
    model_wait: int
    worker: WorkerSettings

    @property
    def merge_wait(self) -> int:
        """Microseconds; see WorkerSettings."""
        return self.worker.merge_wait

    @property
    def web(self) -> WebAddress:
        """Host and port of the worker's web server."""
        return self.worker.web

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Topics, keyed by user, that the sources are read from, in the configuration's order."""
        return tuple(source.input_topic for source in self.spec.sources)

    @property
    def rekeyed(self) -> tuple[SourceSpec, ...]:
        """Sources whose topics are copied, for they are not keyed by user."""
        return tuple(source for source in self.spec.sources if source.rekeyed_topic is not None)
