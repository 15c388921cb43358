"""Any number of Ebbline's workers on any variant of the job: Ebbline compared with itself."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import redis

from bench import oracle
from bench.broker import HISTORY, STAMPED, Kafka
from bench.context import ROOT
from bench.job.config import FEATURES, text
from bench.job.events import SOURCES, Event, Size, history
from bench.job.model import KEY, Snapshot, learn
from streams.config import Config, parse_config
from streams.embedded import Services
from streams.embedded.process import OwnedProcess
from streams.topics.plan import plan_topics

STALLED_SECONDS = 90.0
LOOK_SECONDS = 0.1
STOP_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


class CrewFailed(RuntimeError):
    """Workers did not do their job; the message says how far they came."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a crew did. seconds: from the first record handed over to the last score appended.

    cpu: CPU seconds of all workers in between. peak_mb: of the largest one, resident.
    """

    events: int
    scores: int
    seconds: float
    cpu: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds an event."""
        return 1e6 * self.cpu / self.events


@dataclass
class Variant:
    """The job in another size, on topics of its own.

    features: as in `bench.job.config`. capacity: users that a worker holds, None for the default.
    Its number of partitions is the broker's handle's.
    """

    services: Services
    kafka: Kafka
    size: Size
    features: Sequence[dict[str, Any]] = FEATURES
    capacity: int | None = None
    name: str = field(default_factory=lambda: f"crew-{uuid.uuid4().hex[:8]}")

    @property
    def topics(self) -> dict[str, str]:
        """Source to topic."""
        return {source: f"{self.name}.events.{source}" for source in SOURCES}

    @cached_property
    def events(self) -> Sequence[Event]:
        """All events, on their topics."""
        found = history(self.size)
        self.kafka.create(self.topics.values(), HISTORY)
        self.kafka.produce(self.topics, found)
        return found

    @cached_property
    def scores(self) -> int:
        """How many scores the oracle knows of."""
        users = oracle.by_user(self.events)
        return sum(len(list(oracle.keys(e, self.size.last_midnight))) for e in users.values())

    @cached_property
    def snapshot(self) -> Snapshot:
        """The fixed model."""
        return learn(self.config(self.name).spec)

    def text(self, app: str) -> str:
        """``ebbline.toml`` of one app."""
        capacity = f"capacity = {self.capacity}\n" if self.capacity else ""
        return text(app, f"{self.name}.events", self.features) + capacity

    def config(self, app: str) -> Config:
        """The same, read and checked."""
        return parse_config(self.text(app))

    def clear(self) -> None:
        """Delete its topics."""
        self.kafka.delete_of(self.name)


def work(variant: Variant, workers: int, folder: Path) -> Work:
    """Let workers of a new app do the whole job once. Raises CrewFailed."""
    app = f"{variant.name}-{uuid.uuid4().hex[:6]}"
    events, wanted = len(variant.events), variant.scores
    with prepared(variant, app, folder / app) as scores_topic:
        crew = [start(variant, app, folder / app, number) for number in range(workers)]
        try:
            peak = await_scores(variant.kafka, scores_topic, wanted, crew, folder / app)
            cpu = [cpu_seconds(process.pid) for process in crew]
        finally:
            for process in crew:
                process.terminate(STOP_SECONDS)
        first = [_note(folder / app, number) for number in range(workers)]
        outputs = variant.kafka.read(scores_topic)
    if len(outputs) != wanted:
        raise CrewFailed(f"{len(outputs)} scores instead of {wanted}")
    begun = min(note["wall"] for note in first if note)
    spent = sum(c - note["cpu"] for c, note in zip(cpu, first, strict=True) if note)
    seconds = max(record.appended for record in outputs) - begun
    return Work(events, wanted, seconds, spent, peak)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def resident_mb(pid: int, which: str = "VmRSS") -> float:
    """Resident memory of a process: VmRSS now, VmHWM at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{which}:"))
    return int(line.split()[1]) / 1024


@contextmanager
def prepared(variant: Variant, app: str, folder: Path) -> Iterator[str]:
    """Topics and snapshot of a new app; the name of its score topic. All gone afterwards."""
    folder.mkdir(parents=True)
    config, snapshot = variant.config(app), variant.snapshot
    (folder / "ebbline.toml").write_text(variant.text(app))
    for plan in plan_topics(config, variant.kafka.partitions):
        if plan.role != "input":
            stamped = STAMPED if plan.role == "scores" else {}
            variant.kafka.create([plan.name], {**plan.configs, **stamped}, plan.partitions)
    store = redis.Redis.from_url(variant.services.redis_url)
    store.set(f"ebb:{app}:snapshot:{snapshot.key}", snapshot.payload)
    announcement = orjson.dumps(snapshot.announcement(app))
    variant.kafka.send(config.topics.models, b"champion", announcement)
    try:
        yield config.topics.scores
    finally:
        variant.kafka.delete_of(app)
        for key in store.scan_iter(match=f"ebb:*{app}*", count=5000):
            store.unlink(key)
        store.close()


def start(variant: Variant, app: str, folder: Path, number: int) -> OwnedProcess:
    """Start a scoring worker of an app; its log and notes go to ``folder/<number>``."""
    own = folder / str(number)
    own.mkdir()
    config = variant.config(app)
    topics = [source.topic for source in config.spec.sources]
    settings = {"config": str(folder / "ebbline.toml"), "topics": topics, "profile": None}
    (own / "settings.json").write_text(json.dumps(settings))
    return OwnedProcess(
        [sys.executable, "-m", "bench.contenders.ebbline", str(own / "settings.json")],
        name="ebbline worker",
        output=own / "log.txt",
        env={
            **os.environ,
            **variant.services.environment,
            "EBBLINE_SIGNING_KEY": KEY,
            "PYTHONPATH": str(ROOT),
        },
    )


def _note(folder: Path, number: int) -> dict[str, float] | None:
    """When a worker got its first record; None when it never got one."""
    path = folder / str(number) / "first.json"
    found: dict[str, float] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def await_scores(
    kafka: Kafka, topic: str, wanted: int, crew: Sequence[OwnedProcess], folder: Path
) -> float:
    """Wait for the last score; the largest worker's resident memory, in MB."""
    moved, before = time.monotonic(), -1
    while (out := kafka.ends(topic)) < wanted:
        if out != before:
            moved, before = time.monotonic(), out
        for process in crew:
            if not process.alive or time.monotonic() - moved > STALLED_SECONDS:
                raise CrewFailed(process.report(f"stopped at {out} of {wanted} scores ({folder})"))
        time.sleep(LOOK_SECONDS)
    return max(resident_mb(process.pid, "VmHWM") for process in crew)
