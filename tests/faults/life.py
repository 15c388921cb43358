"""The life of a deployment under faults: topics, a history, worker processes, and a judgement."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import redis
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from models.engine.state import PartitionState
from streams.config import Config, load_config
from streams.state.keys import Keys
from streams.topics.admin import create_topics
from streams.topics.plan import plan_topics
from tests.faults import deployment, topics
from tests.faults.deployment import PARTITIONS, SIGNING_KEY, SOURCES
from tests.faults.history import Sent, end_of, history
from tests.faults.observed import observe
from tests.faults.points import Cut, as_environment
from tests.faults.truth import truth_of
from tests.faults.verdict import Verdict, judge
from tests.groups import expel
from tests.nursery import Child, spawn
from tests.patience import PATIENCE


@dataclass(slots=True)
class Worker:
    """A worker process of a life. cuts: what it was told to meet.

    given_up: it is expected to end with an error.
    """

    process: Child
    log: Path
    cuts: tuple[Cut, ...]
    given_up: bool = False

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")

    def says(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self.text

    def count(self, words: str) -> int:
        """How often its log has these words."""
        return self.text.count(words)

    def signal(self, number: int) -> None:
        """Send it a signal, if it is alive."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self, seconds: float = PATIENCE) -> int:
        """Ask it to end in order; its exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


class Result(NamedTuple):
    """What came of a life. strikes: of the fault. events: records that lived through it."""

    strikes: int
    events: int
    verdict: Verdict


@dataclass
class Life:
    """One app on real services. Use as a context: what it started is ended, what it wrote erased.

    options: of the configuration, see tests.faults.deployment.write. strikes: how often a fault
    has struck so far. ends: records produced to each source's partitions.
    """

    app: str
    folder: Path
    servers: str
    redis_url: str
    seed: int = 1
    users: int = 24
    days: int = 8
    options: dict[str, Any] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    strikes: int = 0
    fed: int = 0
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)

    # --- set-up and end ------------------------------------------------------------------------

    def __enter__(self) -> Life:
        self.path = deployment.write(self.folder / f"{self.app}.toml", self.app, **self.options)
        self.config: Config = load_config(self.path)
        self.history: list[Sent] = history(self.seed, self.users, self.days)
        self._create_topics()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.signal(signal.SIGKILL)
            worker.process.wait()
        with suppress(redis.RedisError, KafkaError):
            self._erase()

    def _erase(self) -> None:
        """Delete what is the app's in Redis and at the broker."""
        client = redis.Redis.from_url(self.redis_url, socket_timeout=5)
        for key in client.scan_iter(f"ebb:{{{self.app}.*", count=1000):
            client.delete(key)
        client.close()
        with closing(KafkaAdminClient(bootstrap_servers=self.servers)) as admin:
            admin.delete_topics([plan.name for plan in plan_topics(self.config)])

    @property
    def environment(self) -> dict[str, str]:
        """Of every process of this app."""
        return {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "REDIS_URL": self.redis_url,
            "EBBLINE_SIGNING_KEY": SIGNING_KEY,
        }

    def _create_topics(self) -> None:
        with closing(KafkaAdminClient(bootstrap_servers=self.servers)) as admin:
            create_topics(admin, plan_topics(self.config, PARTITIONS), 1)

    # --- records -------------------------------------------------------------------------------

    def feed(self, share: float = 1.0) -> None:
        """Produce the history up to a share of it."""
        until = round(share * len(self.history))
        sent = self.history[self.fed : until]
        topics.produce(self.servers, self.app, sent)
        self.ends.update((one.item.source, one.partition) for one in sent)
        self.fed = max(self.fed, until)

    # --- processes -----------------------------------------------------------------------------

    def work(self, *cuts: Cut, roles: str = "score", words: Iterable[str] = ()) -> Worker:
        """Start a worker process that meets these cuts."""
        path = self.folder / f"{self.app}-{len(self.workers)}.log"
        arguments = ["--config", str(self.path), "--roles", roles, *words]
        environment = self.environment | as_environment(cuts)
        process = spawn(arguments, environment, path, module="tests.faults.worker")
        worker = Worker(process, path, cuts)
        self.workers.append(worker)
        return worker

    def struck(self, worker: Worker, seconds: float = PATIENCE) -> bool:
        """Wait until a worker has met its cut; False when it has run out of work before."""
        deadline = time.monotonic() + seconds
        idle_since = None
        while time.monotonic() < deadline:
            if worker.says("CUT "):
                self.strikes += 1
                return True
            if not worker.alive:
                raise AssertionError(f"it ended without its cut: {worker.text[-3000:]}")
            idle = self.applied()
            idle_since = (idle_since or time.monotonic()) if idle else None
            if idle_since is not None and time.monotonic() - idle_since > 4:
                return False
            time.sleep(0.1)
        return False

    def expel(self, group: str = "") -> None:
        """See tests.groups.expel; the scoring group, if none is named."""
        expel(self.servers, group or self.app)

    # --- waiting -------------------------------------------------------------------------------

    def wait(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Until something is true; a worker that ends with a failure in between is an error."""
        deadline = time.monotonic() + seconds
        while not true():
            codes = [worker.process.poll() for worker in self.workers if not worker.given_up]
            dead = [code for code in codes if code not in (None, 0, -signal.SIGKILL)]
            assert not dead, f"a worker died: {dead}\n{self.logs()}"
            assert time.monotonic() < deadline, f"{what}, after {seconds:g} s\n{self.logs()}"
            time.sleep(0.2)

    def partition_records(self) -> dict[int, PartitionState]:
        """The partition records that are in Redis."""
        client = redis.Redis.from_url(self.redis_url)
        spec = self.config.spec
        found = {}
        for number in range(PARTITIONS):
            value = client.get(Keys(spec.app, number, spec.feature_set).partition_record)
            if isinstance(value, bytes):
                found[number] = PartitionState.decode(value)
        client.close()
        return found

    def durable(self) -> int:
        """How many records' offsets are durable, of all sources and partitions."""
        records = self.partition_records().values()
        return sum(state.applied + 1 for record in records for state in record.sources)

    def applied(self) -> bool:
        """Whether everything produced so far is durable, and no sweep under way."""
        records = self.partition_records()
        return len(records) == PARTITIONS and all(
            record.sweep is None
            and all(
                state.applied + 1 >= self.ends[source, number]
                for source, state in zip(SOURCES, record.sources, strict=True)
            )
            for number, record in records.items()
        )

    def logs(self, last: int = 2500) -> str:
        """The ends of all workers' logs."""
        return "\n".join(f"--- {w.log.name}\n{w.text[-last:]}" for w in self.workers)

    # --- judgement -----------------------------------------------------------------------------

    def finish(self, seconds: float = PATIENCE) -> Result:
        """Produce what is left, let healthy workers finish it, end them in order, and judge."""
        self.feed()
        if not self.alive:
            self.expel()
            self.work()
        clock = end_of(self.days)

        def through() -> bool:
            records = self.partition_records()
            return all(record.clock >= clock for record in records.values()) and self.applied()

        self.wait(through, seconds, "not everything is applied")
        self.wait(self._all_working, PATIENCE, "a worker does not come back")
        codes = [worker.end() for worker in self.alive]
        assert not any(codes), f"a healthy worker ended with {codes}\n{self.logs()}"
        return Result(self.strikes, len(self.history), self.verdict())

    def _all_working(self) -> bool:
        """Whether every process has come up, those that began anew too."""
        return all(w.count('"working"') > w.count('"starting anew"') for w in self.alive)

    @property
    def alive(self) -> list[Worker]:
        """Workers that have not ended."""
        return [worker for worker in self.workers if worker.alive]

    def verdict(self) -> Verdict:
        """Judge what is there now."""
        truth = truth_of(self.servers, self.config.spec)
        observed = observe(self.servers, self.redis_url, self.config, PARTITIONS, truth.moments())
        return judge(truth, observed)
