"""A small history of simulated users, and worker processes that live through it.

Producing it in pieces, with crashes in between, or as one backlog must make no difference.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from schemas.murmur2 import partition_of
from tests.nursery import EBBLINE, Child, run, spawn
from tests.patience import PATIENCE

DAY = 86_400_000
START = 1_704_067_200_000  # 2024-01-01
PARTITIONS = 3
SOURCES = ("usage", "billing", "outcomes")

CONFIG = """
[app]
name = "{app}"
clock = "arrival"
grid = "1d"

[sources.usage]
topic = "{app}.usage"
user = "user.id"
time = {{ path = "at", unit = "ms" }}
event_id = "id"
completeness = "data"
max_bytes = 200000
allowed_lateness = "1d"
stale_after = "2d"
[sources.usage.fields]
minutes = {{ path = "minutes", type = "number" }}
kind = {{ path = "kind", type = "string", required = false }}

[sources.billing]
topic = "{app}.billing"
user = "customer"
time = {{ path = "at", unit = "ms" }}
completeness = "clock"
max_delay = "6h"
stale_after = "1d"
[sources.billing.fields]
amount = {{ path = "amount", type = "number" }}

[sources.outcomes]
topic = "{app}.outcomes"
user = "user"
time = {{ path = "at", unit = "ms" }}
max_delay = "6h"
outcome = {{ path = "kind", churn = ["cancelled"], leave = ["moved"] }}

[[features]]
name = "minutes_7d"
source = "usage"
agg = "sum"
of = "minutes"
window = "7d"
[[features]]
name = "mean_7d"
source = "usage"
agg = "mean"
of = "minutes"
window = "7d"
[[features]]
name = "trend"
source = "usage"
agg = "trend"
of = "minutes"
window = "2d"
over = "8d"
[[features]]
name = "idle"
source = "usage"
agg = "last_seen_age"
[[features]]
name = "kinds"
source = "usage"
agg = "distinct"
of = "kind"
window = "7d"
[[features]]
name = "paid"
source = "billing"
agg = "last"
of = "amount"
[[features]]
name = "age"
agg = "user_age"

[labels]
rule = "outcome"
horizon = "4d"

[scores]
schedule = {{ every = "1d", anchor = "2024-01-01T00:00:00Z" }}
on_event = {{ min_interval = "12h", sources = ["usage"] }}
bands = {{ low = 0.0, high = 0.3 }}

[model]
prior = 0.1

[learning]
every = "1d"
activation_delay = "6h"
example_every = "4d"
complete_within = "1d"
model_wait = "{model_wait}"

[topics]
scores = "{app}.scores"
sources = "{app}.sources"
deadletter = "{app}.deadletter"
examples = "{app}.examples"
models = "{app}.models"
drift = "{app}.drift"

[worker]
web_port = 0
session_timeout = "6s"
"""


class Event(NamedTuple):
    """A record to produce. arrival: ms. partition: only for heartbeats."""

    arrival: int
    source: str
    key: str | None
    value: dict[str, Any]
    partition: int | None = None


def history(users: int = 45, days: int = 20, seed: int = 3) -> list[Event]:
    """Events in order of arrival, heartbeats in every partition at each day's start.

    Usage is about 100 times as dense as billing; some arrivals tie across topics.
    """
    events = [
        event for n in range(users) for event in _life(random.Random(seed * 1000 + n), n, days)
    ]
    for day in range(days + 8):
        for source in SOURCES:
            at = START + day * DAY
            events += [
                Event(at + 1, source, None, {"at": at}, partition)
                for partition in range(PARTITIONS)
            ]
    return sorted(events, key=lambda e: (e.arrival, SOURCES.index(e.source)))


def _life(rng: random.Random, number: int, days: int) -> Iterator[Event]:
    user, now = f"user-{number}", rng.uniform(0, 5) * DAY
    ends = rng.uniform(3, 2 * days) * DAY
    yield Event(
        _at(now), "billing", user, {"customer": user, "at": START + int(now), "amount": 9.5}
    )
    count = 0
    while now < min(ends, days * DAY):
        fading = max(0.1, (ends - now) / ends)
        now += rng.expovariate(6 * fading) * DAY
        event = {
            "user": {"id": user},
            "at": START + int(now),
            "id": f"{user}/{count}",
            "minutes": round(rng.uniform(1, 60), 3),
            "kind": rng.choice("abcd"),
        }
        count += 1
        late = rng.choice([0, 0, 60_000, 3 * 3_600_000])
        yield Event(_at(now) + late, "usage", user, event)
        if rng.random() < 0.02:
            yield Event(_at(now) + late + 5, "usage", user, event)  # a duplicate, later
    if ends < days * DAY:
        outcome = {
            "user": user,
            "at": START + int(ends),
            "kind": rng.choice(["cancelled", "moved"]),
        }
        yield Event(_at(ends) + 60_000, "outcomes", user, outcome)


def _at(now: float) -> int:
    """Arrivals on a coarse grid, so that they tie across topics."""
    return START + int(now) // 30_000 * 30_000 + 30_000


@dataclass
class Story:
    """One app living through a history on real services."""

    app: str
    folder: Path
    servers: str
    redis_url: str
    model_wait: str = "120s"
    workers: list[Child] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / f"{self.app}.toml"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "REDIS_URL": self.redis_url,
            "EBBLINE_SIGNING_KEY": "a secret of the tests, long enough",
        }

    def begin(self) -> Story:
        """Write the configuration and create the topics."""
        self.config.write_text(CONFIG.format(app=self.app, model_wait=self.model_wait))
        self.ebbline("topics", "create", "--partitions", str(PARTITIONS))
        return self

    def ebbline(self, *words: str) -> str:
        done = run([*words, "--config", str(self.config)], self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # --- producing -----------------------------------------------------------------------------

    def produce(self, events: Iterable[Event]) -> None:
        """Put events on their topics, one after the other in time order."""
        producer = KafkaProducer(
            bootstrap_servers=self.servers, linger_ms=0, max_in_flight_requests_per_connection=1
        )
        for event in events:
            key = None if event.key is None else event.key.encode()
            partition = event.partition
            if partition is None:
                assert key is not None
                partition = partition_of(key, PARTITIONS)
            producer.send(
                f"{self.app}.{event.source}",
                key=key,
                value=orjson.dumps(event.value),
                partition=partition,
                timestamp_ms=event.arrival,
                headers=[("ebbline-heartbeat", b"1")] if key is None else [],
            )
        producer.flush()
        producer.close()

    # --- processes -----------------------------------------------------------------------------

    def start(self, roles: str = "score,train", *words: str) -> Child:
        """Start a worker process; its log is in the folder."""
        return self.start_module(
            EBBLINE, ["worker", "--roles", roles, "--config", str(self.config), *words]
        )

    def start_module(self, module: str, given: list[str]) -> Child:
        """Start another process as a worker."""
        log = self.folder / f"{self.app}-{len(self.workers)}.log"
        worker = spawn(given, self.environment, log, module=module)
        self.workers.append(worker)
        return worker

    @contextmanager
    def running(self, *roles: str) -> Iterator[list[Child]]:
        """Workers for the time of the block; they must end in order."""
        started = [self.start(role) for role in roles or ("score,train",)]
        try:
            yield started
            for worker in started:
                worker.send_signal(signal.SIGTERM)
            assert [worker.wait() for worker in started] == [0] * len(started), self.logs()
        finally:
            self.kill_all()

    def kill_all(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()

    def logs(self, last: int = 4000) -> str:
        """The ends of all workers' logs."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-last:]}"
            for path in sorted(self.folder.glob(f"{self.app}-*.log"))
        )

    # --- waiting and reading -------------------------------------------------------------------

    def wait_applied(self, seconds: float = PATIENCE) -> None:
        """Until everything produced so far is durable in every partition."""
        ends = self.ends()
        self._wait(lambda: self._applied(ends), seconds, f"not all applied: {ends}")

    def wait_scored_through(self, arrival: int, seconds: float = PATIENCE) -> None:
        """Until every partition says that everything up to this arrival has been scored."""
        self._wait(lambda: self._clock() >= arrival, seconds, f"clock stays below {arrival}")

    def wait_trained_through(self, epoch_ms: int, seconds: float = PATIENCE) -> None:
        """Until the trainer has announced the epoch that ends at this time."""

        def told() -> bool:
            return any(m["epoch"] >= epoch_ms * 1000 for m in self.read("models"))

        self._wait(told, seconds, "the trainer has not come that far")

    def wait_said(self, words: str, worker: int = -1, seconds: float = PATIENCE) -> None:
        """Until a worker's log (the newest one's) has these words."""
        number = range(len(self.workers))[worker]
        log = self.folder / f"{self.app}-{number}.log"
        self._wait(lambda: words in log.read_text(), seconds, f"it never said {words!r}")

    def _wait(self, true: Any, seconds: float, message: str) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            dead = [w.returncode for w in self.workers if w.poll() not in (None, 0, -9, -15)]
            assert not dead, f"a worker died: {dead}\n{self.logs()}"
            assert time.monotonic() < deadline, f"{message}\n{self.logs()}"
            time.sleep(0.3)

    def ends(self) -> dict[tuple[str, int], int]:
        consumer = KafkaConsumer(bootstrap_servers=self.servers)
        places = [
            TopicPartition(f"{self.app}.{source}", n)
            for source in SOURCES
            for n in range(PARTITIONS)
        ]
        ends = consumer.end_offsets(places)
        consumer.close()
        return {(place.topic, place.partition): end for place, end in ends.items()}

    def records(self) -> list[dict[str, Any]]:
        """The partition records in Redis that are there."""
        client = redis.Redis.from_url(self.redis_url)
        keys = list(client.scan_iter(f"ebb:{{{self.app}.p*}}:fs-*:part"))
        values = [client.get(key) for key in sorted(keys)]
        client.close()
        return [orjson.loads(value)["record"] for value in values if isinstance(value, bytes)]

    def _applied(self, ends: dict[tuple[str, int], int]) -> bool:
        records = self.records()
        return len(records) == PARTITIONS and all(
            state["applied"] + 1 >= ends[f"{self.app}.{source}", number]
            for number, record in enumerate(records)
            for source, state in zip(SOURCES, record["sources"], strict=True)
        )

    def _clock(self) -> int:
        records = self.records()
        # a cut at the clock itself is still to come; its epoch's end is durable before it
        done = [min(r["clock"], r["next_cut"] - 1) // 1000 for r in records if r["sweep"] is None]
        return min(done) if len(done) == PARTITIONS else 0

    def committed(self) -> dict[tuple[str, int], int]:
        """The group's committed offsets."""
        admin = KafkaAdminClient(bootstrap_servers=self.servers)
        found = admin.list_group_offsets({self.app: None})[self.app]
        admin.close()
        return {(place.topic, place.partition): meta.offset for place, meta in found.items()}

    def read(self, role: str) -> list[dict[str, Any]]:
        """All records of one of the app's own topics."""
        consumer = KafkaConsumer(bootstrap_servers=self.servers, enable_auto_commit=False)
        topic = f"{self.app}.{role}"
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found = []
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(500).values():
                found += [orjson.loads(record.value) for record in records]
        consumer.close()
        return found

    def outcome(self) -> dict[str, bytes]:
        """What must be equal between apps: scores by user, time and kind of cause."""
        found: dict[str, bytes] = {}
        for score in self.read("scores"):
            kind, _, place = score["cause"].partition(f"{self.app}.")
            key = f"{score['user']} {score['time']} {kind}{place}"
            for name in ("emitted_at", "id", "app", "cause"):
                del score[name]
            content = orjson.dumps(score, option=orjson.OPT_SORT_KEYS)
            assert found.setdefault(key, content) == content, "a repeat differs"
        return found

    def models(self) -> list[tuple[int, int, str | None]]:
        """Epoch, version and checksum of every announcement."""
        told = {m["epoch"]: (m["epoch"], m["version"], m["checksum"]) for m in self.read("models")}
        return [told[epoch] for epoch in sorted(told)]
