"""200,000 users due at once while events flow: every score is as of the cut, none is missing."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import pytest

from models.engine.engine import Engine
from models.engine.merge import Merger
from models.engine.records import make_chunk
from models.engine.requests import Commit, Load, ModelAt, Run, ScanAtRisk
from models.features.plan import make_plan
from models.spec import FeatureSpec
from tests.models.engine.story import SPEC, START, USAGE, S

USERS = 200_000
CUT = START + 40 * S
DAY = 24 * 3600 * S
BATCH = 4000

QUIET = replace(USAGE, mapping=replace(USAGE.mapping, event_id=None, fields=()))
MANY = replace(
    SPEC,
    sources=(QUIET, SPEC.sources[2]),
    features=(FeatureSpec("count", "count", "usage", window=30 * S),),
    scoring=replace(SPEC.scoring, schedule=replace(SPEC.cuts, every=DAY, anchor=CUT)),
    learning=replace(SPEC.learning, example_every=DAY),
    capacity=USERS,
)


@dataclass(frozen=True)
class Record:
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[()] = ()


class Counter:
    """A model that says how many events it was shown."""

    name, version, valid_from, maturity, policies = "counter", 1, None, "mature", None

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[:, 0] / 100

    def contributions(self, matrix: np.ndarray) -> None:
        return None


class Memory:
    """What is durable; users enter the index once and stay."""

    def __init__(self) -> None:
        self.users: dict[str, bytes | None] = {}
        self.index: list[str] = []
        self.scores: list[dict[str, Any]] = []

    def answer(self, request: Any) -> Any:
        match request:
            case Load(users):
                return [self.users.get(user) for user in users]
            case ScanAtRisk(after, limit):
                if not after:
                    self.index.sort()
                start = bisect.bisect_right(self.index, after) if after else 0
                return self.index[start : start + limit]
            case ModelAt():
                return Counter()
            case Commit(effects):
                self.users |= effects.users
                self.index.extend(effects.at_risk)
                for output in effects.outputs:
                    if output.topic == "scores":
                        self.scores.append(orjson.loads(output.value))
                return None
            case _:
                return []

    def drive(self, run: Run) -> None:
        answer = None
        while True:
            try:
                answer = self.answer(run.send(answer))
            except StopIteration:
                return


def record(offset: int, user: int, at: int) -> Record:
    value = orjson.dumps({"user": f"u{user}", "at": at})
    return Record(offset, at // 1000, b"", value)


@pytest.mark.slow
def test_every_user_is_scored_as_of_the_cut_while_events_flow() -> None:
    engine, memory, merger = Engine(make_plan(MANY), 0, 1), Memory(), Merger(2)
    counts = np.random.default_rng(7).integers(1, 4, USERS)
    before = [(START + 35 * S, user) for user, n in enumerate(counts.tolist()) for _ in range(n)]
    busy = np.random.default_rng(8).integers(0, USERS, 60_000).tolist()
    after = [(CUT + 1000 + i * 100, user) for i, user in enumerate(busy)]
    records = [record(i, user, at) for i, (at, user) in enumerate(before + after)]
    now, arrived = CUT + DAY, START
    for start in range(0, len(records), BATCH):
        chunk = make_chunk(QUIET, records[start : start + BATCH], arrived, now)
        arrived = int(chunk.arrivals[-1])
        merger.push(0, chunk)
        merged = merger.take([False, False], BATCH)
        assert merged is not None
        memory.drive(engine.advance(merged, now))
    unswept = engine.state.sweep
    assert unswept is not None, "events were worked off while users were still due"
    memory.drive(engine.drain(now))
    told = {score["user"]: round(score["probability"] * 100) for score in memory.scores}
    assert len(memory.scores) == USERS
    assert told == {f"u{user}": n for user, n in enumerate(counts.tolist())}
    assert {score["time"] for score in memory.scores} == {"2020-01-06T00:00:40Z"}
    order = [score["user"] for score in memory.scores]
    assert order != sorted(order), "users with events were scored ahead of their turn"
