"""A worker without services: dicts for Redis, lists for topics, crashes on demand."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from models.engine.engine import Engine
from models.engine.merge import Merger
from models.engine.records import make_chunk
from models.engine.requests import (
    Commit,
    Effects,
    Kept,
    Load,
    ModelAt,
    Output,
    Request,
    Reread,
    Run,
    ScanAtRisk,
    ScanExpired,
    ScanPending,
)
from models.engine.state import PartitionState
from models.features.plan import make_plan
from models.grid import Float
from models.learning.told_policies import Policies
from models.spec import Spec
from schemas.scores import Maturity
from tests.models.engine.story import START, Raw, S

NOW = START + 10**6 * S
"""The wall clock of the tests, long after every record."""


class Crashed(Exception):
    """The worker died."""


class Store:
    """What is durable: users' values, indexes, the partition record."""

    def __init__(self, slice_size: int = 2) -> None:
        self.slice_size = slice_size
        self.users: dict[str, bytes] = {}
        self.at_risk: set[str] = set()
        self.pending: dict[str, int] = {}
        self.expiry: dict[str, int] = {}
        self.partition: bytes | None = None

    def slices(self, effects: Effects) -> Iterator[Callable[[], None]]:
        """The writes of a commit, each atomic; the record with the last, its counts earlier."""
        users = list(effects.users)
        size = self.slice_size
        parts = [users[i : i + size] for i in range(0, len(users), size)] or [[]]
        for number, part in enumerate(parts[:-1]):
            begun = None if number else effects.begun
            yield lambda part=part, begun=begun: self._write(effects, part, part, begun)  # type: ignore[misc]
        yield lambda: self._write_last(effects, parts[-1])

    def _write_last(self, effects: Effects, part: list[str]) -> None:
        everyone = [*effects.at_risk, *effects.pending, *effects.expiry]
        self._write(effects, part, everyone, effects.partition)

    def _write(
        self, effects: Effects, part: list[str], entries: list[str], record: bytes | None
    ) -> None:
        for user in part:
            _set(self.users, user, effects.users[user])
        for user in entries:
            if user in effects.at_risk:
                (self.at_risk.add if effects.at_risk[user] else self.at_risk.discard)(user)
            if user in effects.pending:
                _set(self.pending, user, effects.pending[user])
            if user in effects.expiry:
                _set(self.expiry, user, effects.expiry[user])
        if record is not None:
            self.partition = record

    def scan_at_risk(self, after: str, limit: int) -> list[str]:
        names = sorted(user.encode() for user in self.at_risk if user.encode() > after.encode())
        return [name.decode() for name in names[:limit]]


def _set(index: dict[str, Any], user: str, value: Any) -> None:
    if value is None:
        index.pop(user, None)
    else:
        index[user] = value


def due(index: dict[str, int], until: int, limit: int) -> list[str]:
    """Users whose time has come, as a sorted set gives them."""
    found = sorted((time, user.encode()) for user, time in index.items() if time <= until)
    return [user.decode() for _, user in found[:limit]]


@dataclass(frozen=True, slots=True)
class Linear:
    """A scorer whose every feature matters, with bits that don't depend on the batch."""

    version: int
    valid_from: int | None
    name: str = "champion"
    maturity: Maturity = "mature"
    policies: Policies | None = None

    def predict(self, matrix: Float) -> Float:
        return np.array([probability(row, self.version) for row in matrix.tolist()], dtype=float)

    def contributions(self, matrix: Float) -> Float | None:
        return np.array([parts(row, self.version) for row in matrix.tolist()], dtype=float)


def parts(vector: Sequence[float], version: int) -> list[float]:
    """Contribution of each feature."""
    found = []
    for j, value in enumerate(vector):
        known = 0.25 if math.isnan(value) else math.atan(value / 20)
        found.append((((j + version) % 5) - 2) * known)
    return found


def probability(vector: Sequence[float], version: int) -> float:
    """A number in (0, 1) that depends on every feature and on the version."""
    return 1 / (1 + math.exp(-sum(parts(vector, version)) - version % 3))


class Models:
    """One snapshot for each epoch, in force from its end + activation delay."""

    def __init__(self, spec: Spec) -> None:
        self.learning = spec.learning
        self.asked: list[tuple[int, int | None]] = []

    def at(self, time: int, epoch: int | None) -> Linear:
        self.asked.append((time, epoch))
        return self.in_force(time)

    def in_force(self, time: int) -> Linear:
        learning = self.learning
        number = (time - START - learning.activation_delay) // learning.every
        if number < 0:
            return Linear(0, None)
        valid_from = START + number * learning.every + learning.activation_delay
        return Linear(number + 1, valid_from)


@dataclass
class Blow:
    """Where a worker dies: at its ``commit``-th commit from here.

    outputs: how many of the commit's outputs get out. slices: how many of its writes (the last
    one carries the partition record); more than there are = all.
    """

    commit: int
    outputs: int = 10**9
    slices: int = 0


@dataclass
class Worker:
    """Lives through the topics, restarts where it crashed.

    outputs: everything that got out, repeats included, in order. now: the wall clock. first: offset
    at which the topics begin, for who reads again.
    """

    spec: Spec
    topics: list[list[Raw]]
    store: Store = field(default_factory=Store)
    now: int = NOW
    partition: int = 0
    partitions: int = 1
    blow: Blow | None = None
    outputs: list[Output] = field(default_factory=list)
    commits: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        self.models = Models(self.spec)
        self.plan = make_plan(self.spec)
        self.restart()

    def restart(self) -> None:
        """Lose everything that is not durable."""
        value = self.store.partition
        state = PartitionState.decode(value) if value is not None else None
        self.engine = Engine(self.plan, self.partition, self.partitions, state)
        self.merger = Merger(len(self.topics))
        sources = self.engine.state.sources
        self.next = [source.applied + 1 for source in sources]
        self.arrived = [source.arrival for source in sources]

    # --- driving -----------------------------------------------------------------------------

    def drive(self, run: Run) -> None:
        answer: Any = None
        while True:
            try:
                request = run.send(answer)
            except StopIteration:
                return
            answer = self.answer(request)

    def answer(self, request: Request) -> Any:
        match request:
            case Load(users):
                assert len(set(users)) == len(users)
                return [self.store.users.get(user) for user in users]
            case ScanAtRisk(after, limit):
                return self.store.scan_at_risk(after, limit)
            case ScanPending(until, limit):
                return due(self.store.pending, until, limit)
            case ScanExpired(until, limit):
                return due(self.store.expiry, until, limit)
            case ModelAt(time, epoch):
                return self.models.at(time, epoch)
            case Reread(source, after, until):
                return self.reread(source, after, until)
            case Commit(effects):
                self.commit(effects)
                return None

    def reread(self, source: int, after: int, until: int) -> Kept:
        """A few records at a time."""
        topic = [raw for raw in self.topics[source] if raw.offset >= self.first]
        first = topic[0].offset if topic else 0
        return Kept(first, [raw for raw in topic if after < raw.offset <= until][:7])

    def commit(self, effects: Effects) -> None:
        self.commits += 1
        blow = self.blow if self.blow and self.commits == self.blow.commit else None
        self.outputs.extend(effects.outputs[: blow.outputs if blow else None])
        writes = list(self.store.slices(effects))
        for write in writes[: blow.slices if blow else None]:
            write()
        if blow:
            raise Crashed

    # --- feeding -----------------------------------------------------------------------------

    def push(self, source: int, count: int) -> int:
        """Fetch up to ``count`` records of a source; how many there were."""
        raws = self.topics[source][self.next[source] : self.next[source] + count]
        if raws:
            chunk = make_chunk(self.spec.sources[source], raws, self.arrived[source], self.now)
            self.arrived[source] = int(chunk.arrivals[-1])
            self.next[source] += len(raws)
            self.merger.push(source, chunk)
        return len(raws)

    def blocks(self) -> list[bool]:
        """Sources of which something is still to come."""
        return [n < len(topic) for n, topic in zip(self.next, self.topics, strict=True)]

    def work(self, limit: int = 10**6, *, drain: bool = False) -> None:
        """Apply all that can be merged."""
        while (merged := self.merger.take(self.blocks(), limit)) is not None:
            self.drive(self.engine.advance(merged, self.now))
            if drain:
                self.drive(self.engine.drain(self.now))

    def run(self) -> Worker:
        """Everything as one backlog, then finish the last sweep."""
        for source, topic in enumerate(self.topics):
            self.push(source, len(topic))
        self.work()
        self.drive(self.engine.drain(self.now))
        return self

    def run_in_pieces(self, rng: random.Random, *, crash: float = 0.0) -> Worker:
        """Small fetches and batches in any order, sweeps in between; perhaps crashes."""
        while self.engine.state.sweep is not None or any(self.blocks()) or any(self._waiting()):
            if rng.random() < crash:
                self.blow = Blow(
                    self.commits + rng.randint(1, 4), rng.choice([0, 1, 10**9]), rng.randint(0, 3)
                )
                if self.blow.outputs != 10**9:
                    self.blow.slices = 0
            try:
                self._step(rng)
            except Crashed:
                self.blow = None
                self.restart()
        self.blow = None
        return self

    def _step(self, rng: random.Random) -> None:
        source = rng.randrange(len(self.topics))
        self.push(source, rng.randint(0, 6))
        self.work(rng.randint(1, 7), drain=rng.random() < 0.3)
        if rng.random() < 0.1:
            self.restart()
        if not any(self.blocks()) and not any(self._waiting()):
            self.drive(self.engine.drain(self.now))

    def _waiting(self) -> list[int]:
        return self.merger.buffered

    # --- looking -----------------------------------------------------------------------------

    def sent(self, topic: str) -> list[dict[str, Any]]:
        """Records of an output topic, as they got out."""
        return [orjson.loads(output.value) for output in self.outputs if output.topic == topic]

    def unique(self, topic: str) -> dict[str, dict[str, Any]]:
        """Records of an output topic by id; a repeat must be the same but for when it was sent."""
        found: dict[str, dict[str, Any]] = {}
        for sent in self.sent(topic):
            if "id" in sent:
                record = {k: v for k, v in sent.items() if k not in ("emitted_at", "rejected_at")}
                assert found.setdefault(record["id"], record) == record
        return found

    def scores(self) -> dict[str, dict[str, Any]]:
        return self.unique("scores")

    def letters(self) -> dict[str, dict[str, Any]]:
        return self.unique("deadletter")

    def examples(self) -> dict[str, dict[str, Any]]:
        return self.unique("examples")

    def vector(self, user: str, time: int, as_of: Sequence[int]) -> tuple[list[float], list[int]]:
        """Features of a user in the slab, and the effective as-of times."""
        from models.features.vector import features

        rows = self.engine.slab.row_of([user])
        matrix, effective = features(
            self.engine.slab, rows, np.array([time]), np.array([as_of], dtype=np.int64)
        )
        return matrix[0].tolist(), effective[0].tolist()
