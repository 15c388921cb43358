"""The project's own engine, driven in memory: records in, examples out. No Kafka, no Redis.

The engine doesn't know the difference: it asks for users, indexes and models as it asks the live
worker's shell. So every contender learns from the features that production computes, with the
label and the epoch that production gives them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from models.engine.engine import Engine
from models.engine.merge import Merger
from models.engine.records import Chunk, make_chunk
from models.engine.requests import (
    Commit,
    Effects,
    Load,
    ModelAt,
    Request,
    Run,
    ScanAtRisk,
    ScanExpired,
    ScanPending,
)
from models.features.plan import make_plan
from models.learning.scorer import prior_scorer
from models.spec import Spec
from schemas.examples import Example

NOW = 4_102_444_800_000_000
"""The year 2100: a wall clock behind every record, as for any replay of history."""
LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as a client hands it over. timestamp: milliseconds."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


Record = tuple[int, int, bytes | None, bytes, tuple[tuple[str, bytes | None], ...]]
"""(place of the source in the configuration, arrival in ms, key, value, headers)."""
Keep = Callable[[Example], None]


class Memory:
    """What Redis keeps, in dicts."""

    def __init__(self) -> None:
        self.users: dict[str, bytes] = {}
        self._at_risk: set[str] = set()
        self._sorted: list[bytes] | None = None
        self.pending: dict[str, int] = {}
        self.expiry: dict[str, int] = {}

    def at_risk(self, after: str, limit: int) -> list[str]:
        """Users at risk behind ``after``, by the bytes of their names."""
        if self._sorted is None:
            self._sorted = sorted(user.encode() for user in self._at_risk)
        start = bisect_right(self._sorted, after.encode())
        return [name.decode() for name in self._sorted[start : start + limit]]

    def write(self, effects: Effects) -> None:
        """Apply what a commit changes."""
        for user, value in effects.users.items():
            _set(self.users, user, value)
        for user, time in effects.pending.items():
            _set(self.pending, user, time)
        for user, time in effects.expiry.items():
            _set(self.expiry, user, time)
        for user, wanted in effects.at_risk.items():
            (self._at_risk.add if wanted else self._at_risk.discard)(user)
            self._sorted = None


def examples(spec: Spec, records: Iterable[list[Record]], keep: Keep) -> int:
    """Put records through the engine of one partition; ``keep`` gets every example.

    records: lists in order of arrival. The prior scores: features and labels don't depend on
    the model. Returns the number of records.
    """
    worker = _Worker(spec, keep)
    for block in records:
        worker.push(block)
        worker.work(last=False)
    worker.work(last=True)
    return worker.count


class _Worker:
    def __init__(self, spec: Spec, keep: Keep) -> None:
        self._spec, self._keep = spec, keep
        self._memory = Memory()
        self._engine = Engine(make_plan(spec), 0, 1)
        self._merger = Merger(len(spec.sources))
        self._scorer = prior_scorer(spec)
        self._next = [0] * len(spec.sources)
        self._arrived = [source.arrival for source in self._engine.state.sources]
        self.count = 0

    def push(self, block: list[Record]) -> None:
        """Decode records of all sources and have them wait for their turn."""
        raws: list[list[Raw]] = [[] for _ in self._spec.sources]
        for source, arrival, key, value, headers in block:
            held = raws[source]
            held.append(Raw(self._next[source] + len(held), arrival, key, value, headers))
        for source, own in enumerate(raws):
            if own:
                self._merger.push(source, self._chunk(source, own))
        self.count += len(block)

    def _chunk(self, source: int, raws: list[Raw]) -> Chunk:
        chunk = make_chunk(self._spec.sources[source], raws, self._arrived[source], NOW)
        self._arrived[source] = int(chunk.arrivals[-1])
        self._next[source] += len(raws)
        return chunk

    def work(self, *, last: bool) -> None:
        """Apply what nothing can come before any more; at the last, everything."""
        blocks = [not last] * len(self._next)
        while (merged := self._merger.take(blocks, LIMIT)) is not None:
            self._drive(self._engine.advance(merged, NOW))
        if last:
            self._drive(self._engine.drain(NOW))

    def _drive(self, run: Run) -> None:
        answer: Any = None
        while True:
            try:
                request = run.send(answer)
            except StopIteration:
                return
            answer = self._answer(request)

    def _answer(self, request: Request) -> Any:
        memory = self._memory
        match request:
            case Load(users):
                return [memory.users.get(user) for user in users]
            case ScanAtRisk(after, limit):
                return memory.at_risk(after, limit)
            case ScanPending(until, limit):
                return _due(memory.pending, until, limit)
            case ScanExpired(until, limit):
                return _due(memory.expiry, until, limit)
            case ModelAt():
                return self._scorer
            case Commit(effects):
                memory.write(effects)
                for example in _examples(effects):
                    self._keep(example)
                return None


def _examples(effects: Effects) -> Iterator[Example]:
    for output in effects.outputs:
        if output.topic == "examples":
            value = orjson.loads(output.value)
            if value["kind"] == "example":
                yield Example(**value)


def _due(index: dict[str, int], until: int, limit: int) -> list[str]:
    found = sorted((time, user.encode()) for user, time in index.items() if time <= until)
    return [user.decode() for _, user in found[:limit]]


def _set(index: dict[str, Any], user: str, value: Any) -> None:
    if value is None:
        index.pop(user, None)
    else:
        index[user] = value
