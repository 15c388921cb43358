"""Records in, outputs out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from models.engine.engine import Engine
from models.engine.merge import Merger
from models.engine.records import Chunk, make_chunk
from models.engine.requests import (
    Commit,
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
from models.features.plan import make_plan
from models.spec import Spec
from streams.replay.memory import Memory
from streams.replay.models import Models

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
Watch = Callable[[Sequence[Output]], None]


class Replay:
    """One partition's engine with everything around it in memory.

    Parameters
    ----------
    spec
        The deployment.
    models
        Who gives scorers; it is shown every output before the next request.
    watch
        Is shown every output, too.

    """

    def __init__(self, spec: Spec, models: Models, watch: Watch | None = None) -> None:
        self._spec, self._models, self._watch = spec, models, watch
        self.memory = Memory()
        self.engine = Engine(make_plan(spec), 0, 1)
        self._merger = Merger(len(spec.sources))
        self._next = [0] * len(spec.sources)
        self._arrived = [source.arrival for source in self.engine.state.sources]
        self.count = 0

    def run(self, blocks: Iterable[list[Record]]) -> int:
        """Put a whole log through: lists of records in order of arrival. Returns their number."""
        for block in blocks:
            self.push(block)
            self.work()
        self.finish()
        return self.count

    def push(self, block: Sequence[Record]) -> None:
        """Decode records of all sources and have them wait for their turn."""
        raws: list[list[Raw]] = [[] for _ in self._spec.sources]
        for source, arrival, key, value, headers in block:
            held = raws[source]
            held.append(Raw(self._next[source] + len(held), arrival, key, value, headers))
        for source, own in enumerate(raws):
            if own:
                self._merger.push(source, self._chunk(source, own))
        self.count += len(block)

    def work(self) -> None:
        """Apply what nothing can come before any more."""
        self._work(last=False)

    def finish(self) -> None:
        """Apply everything."""
        self._work(last=True)
        self._drive(self.engine.drain(NOW))

    def _work(self, *, last: bool) -> None:
        blocks = [not last] * len(self._next)
        while (merged := self._merger.take(blocks, LIMIT)) is not None:
            self._drive(self.engine.advance(merged, NOW))

    def _chunk(self, source: int, raws: list[Raw]) -> Chunk:
        chunk = make_chunk(self._spec.sources[source], raws, self._arrived[source], NOW)
        self._arrived[source] = int(chunk.arrivals[-1])
        self._next[source] += len(raws)
        return chunk

    def _drive(self, run: Run) -> None:
        answer: Any = None
        while True:
            try:
                request = run.send(answer)
            except StopIteration:
                return
            answer = self._answer(request)

    def _answer(self, request: Request) -> Any:
        memory = self.memory
        match request:
            case Load(users):
                return memory.load(users)
            case ScanAtRisk(after, limit):
                return memory.at_risk(after, limit)
            case ScanPending(until, limit):
                return memory.pending(until, limit)
            case ScanExpired(until, limit):
                return memory.expired(until, limit)
            case ModelAt(time, epoch):
                return self._models.at(time, epoch)
            case Reread(source):
                return Kept(self._next[source], [])  # nothing is kept
            case Commit(effects):
                memory.write(effects)
                self._models.see(effects.outputs)
                if self._watch is not None:
                    self._watch(effects.outputs)
                return None
