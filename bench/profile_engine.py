"""CPU time of the core by part on the bench's job, one partition, without any service.

    python -m bench.profile_engine [--events N] [--users N] [--batch N] [--capacity N]

Prints microseconds of CPU for each event, exclusive of what the part calls that has its own line.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bench.core_job import SPEC, Raw, backlog, users_of
from models.engine import cutting, desk, engine, looking, records, sweeps, unit
from models.engine.checks import Checks
from models.engine.desk import Desk
from models.engine.engine import Engine
from models.engine.merge import Merger
from models.engine.requests import Commit, Load, ModelAt, Run, ScanAtRisk
from models.features.panes import PaneRing
from models.features.plan import make_plan
from models.learning.linear import LinearForm
from models.learning.scorer import ArrayScorer
from models.state.slab import Slab

PARTS: list[tuple[str, Any, str]] = [
    ("decode", records, "decode_batch"),
    ("merge", Merger, "take"),
    ("judge", engine, "judge"),
    ("strangers", engine, "strangers"),
    ("ensure", Desk, "ensure"),
    ("state decode", desk, "decode"),
    ("collect", engine, "collect"),
    ("fold", engine, "fold"),
    ("rounds", engine, "next_round"),
    ("as-of features", looking, "features"),
    ("index", Desk, "index"),
    ("score", engine, "score"),
    ("score", sweeps, "score"),
    ("look", engine, "look"),
    ("look", sweeps, "look"),
    ("settle", PaneRing, "settle"),
    ("prepare", PaneRing, "prepare"),
    ("marks", engine, "watermarks_at"),
    ("line up", engine, "line_up"),
    ("find", Slab, "find"),
    ("emit", Desk, "emit"),
    ("state encode", unit, "encode"),
    ("examples", cutting, "keep_examples"),
    ("checks", Checks, "follow"),
    ("checks", Checks, "check"),
]


class Clock:
    """Exclusive CPU time of functions that call each other."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)
        self.calls: Counter[str] = Counter()
        self._stack = ["other"]
        self._since = time.thread_time_ns()

    def enter(self, name: str) -> None:
        self._charge()
        self._stack.append(name)
        self.calls[name] += 1

    def leave(self) -> None:
        self._charge()
        self._stack.pop()

    def _charge(self) -> None:
        now = time.thread_time_ns()
        self.spent[self._stack[-1]] += now - self._since
        self._since = now

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.enter(name)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return timed


class Memory:
    """Answers of a store that holds everything in a dict. kept: the scores, as they went out."""

    def __init__(self, clock: Clock) -> None:
        self.users: dict[str, bytes | None] = {}
        self.index: set[str] = set()
        self._sorted: list[str] | None = None
        self.outputs: Counter[str] = Counter()
        self.kept: list[bytes] = []
        form = LinearForm(
            -1.0,
            weights=np.linspace(-1, 1, len(SPEC.features)),
            known=np.linspace(-1, 1, len(SPEC.features)),
            unknown=np.linspace(-1, 1, len(SPEC.features)),
            mean=np.zeros(len(SPEC.features)),
            scale=np.ones(len(SPEC.features)),
            logged=np.zeros(len(SPEC.features), dtype=np.bool_),
            limit=8.0,
        )
        self.scorer = ArrayScorer("champion", 3, SPEC.learning.every, "mature", form, form)
        self.clock = clock

    def answer(self, request: Any) -> Any:
        match request:
            case Load(users):
                return [self.users.get(user) for user in users]
            case ScanAtRisk(after, limit):
                self._sorted = self._sorted or sorted(self.index)
                start = bisect_right(self._sorted, after) if after else 0
                return self._sorted[start : start + limit]
            case ModelAt():
                return self.scorer
            case Commit(effects):
                self.users.update(effects.users)
                for user, inside in effects.at_risk.items():
                    (self.index.add if inside else self.index.discard)(user)
                    self._sorted = None
                self.outputs.update(output.topic for output in effects.outputs)
                self.outputs["written"] += len(effects.users)
                self.kept += [o.value for o in effects.outputs if o.topic == "scores"]
                return None
        return []

    def drive(self, run: Run) -> None:
        answer: Any = None
        while True:
            try:
                request = run.send(answer)
            except StopIteration:
                return
            self.clock.enter("driver")
            answer = self.answer(request)
            self.clock.leave()


def main() -> None:
    """Print the table, and a hash of all scores: a change of speed alone leaves it as it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=250_000)
    parser.add_argument("--users", type=int, default=2250)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--capacity", type=int, default=200_000)
    arguments = parser.parse_args()
    topics = backlog(users_of(0, 2, arguments.users), arguments.events)
    total = sum(len(topic) for topic in topics)
    clock = Clock()
    for name, owner, attribute in PARTS:
        setattr(owner, attribute, clock.wrap(name, getattr(owner, attribute)))
    memory = run(topics, arguments.batch, clock, arguments.capacity)
    for name, spent in sorted(clock.spent.items(), key=lambda item: -item[1]):
        print(f"{name:16} {spent / 1000 / total:8.2f} µs/event {clock.calls[name]:7} calls")
    cpu = sum(v for k, v in clock.spent.items() if k != "driver") / 1000
    print(f"{'all':16} {cpu / total:8.2f} µs/event, {total} events, {dict(memory.outputs)}")
    sizes = [len(value) for value in memory.users.values() if value]
    print(f"bytes of a user's value: {np.mean(sizes):.0f}")
    print("scores:", hashlib.blake2b(b"".join(sorted(memory.kept)), digest_size=8).hexdigest())


def run(topics: list[list[Raw]], batch: int, clock: Clock, capacity: int) -> Memory:
    """Everything through one engine: about ``batch`` records at a time, all sources in step."""
    spec = replace(SPEC, capacity=capacity)
    one, memory, merger = Engine(make_plan(spec), 0, 2), Memory(clock), Merger(3)
    arrived, place, now = [0] * 3, [0] * 3, topics[0][-1].timestamp * 1000 + 1
    shares = [len(t) / sum(map(len, topics)) for t in topics]
    clock.enter("other")
    while any(p < len(t) for p, t in zip(place, topics, strict=True)):
        for s, topic in enumerate(topics):
            raws = topic[place[s] : place[s] + max(1, round(batch * shares[s]))]
            if raws:
                clock.enter("make_chunk")
                chunk = records.make_chunk(SPEC.sources[s], raws, arrived[s], now)
                clock.leave()
                place[s] += len(raws)
                arrived[s] = int(chunk.arrivals[-1])
                merger.push(s, chunk)
        blocks = [p < len(t) for p, t in zip(place, topics, strict=True)]
        while (merged := merger.take(blocks, batch)) is not None:
            memory.drive(one.advance(merged, now))
    memory.drive(one.drain(now))
    clock.leave()
    return memory


if __name__ == "__main__":
    main()
