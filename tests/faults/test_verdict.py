"""The judge itself: nothing to say about a right run in memory, and a word for everything wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from models.engine.state import PartitionState
from models.learning.scorer import PriorScorer
from models.spec import Spec
from streams.config import load_config
from tests.faults import deployment
from tests.faults.deployment import PARTITIONS
from tests.faults.history import history, value_of
from tests.faults.observed import Observed, UserState, decoded
from tests.faults.topics import HEARTBEAT
from tests.faults.truth import PRIOR, Truth, truth_from
from tests.faults.verdict import Verdict, judge
from tests.models.engine.harness import Worker
from tests.models.engine.story import Raw


class Prior(Worker):
    """A worker in memory without a trainer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        scorer = PriorScorer("champion", PRIOR)
        self.models: Any = SimpleNamespace(at=lambda *_: scorer)


def spec() -> Spec:
    with TemporaryDirectory() as folder:
        return load_config(deployment.write(Path(folder) / "c.toml", "judged")).spec


def topics(spec: Spec) -> dict[str, list[Any]]:
    """A history as a client finds it on the topics."""
    found: dict[str, list[Any]] = {source.topic: [] for source in spec.sources}
    ends: dict[tuple[str, int], int] = {}
    for sent in history(seed=5, users=9, days=5):
        topic = f"judged.{sent.item.source}"
        offset = ends.get((topic, sent.partition), 0)
        ends[topic, sent.partition] = offset + 1
        found[topic].append(
            SimpleNamespace(
                partition=sent.partition,
                offset=offset,
                timestamp=sent.item.stamp // 1000,
                key=None if sent.item.beat else (sent.item.user or "nobody").encode(),
                value=value_of(sent.item),
                headers=[(HEARTBEAT, b"1")] if sent.item.beat else [],
            )
        )
    return found


@cache
def lived() -> tuple[Truth, Observed]:
    """What must be, and what an engine in memory has done."""
    deployed = spec()
    records = topics(deployed)
    truth = truth_from(deployed, records)
    workers = [
        Prior(deployed, _raws(deployed, records, n), partition=n, partitions=PARTITIONS).run()
        for n in range(PARTITIONS)
    ]
    values = {user: value for worker in workers for user, value in worker.store.users.items()}
    return truth, Observed(
        [one for worker in workers for one in worker.sent("scores")],
        [one for worker in workers for one in worker.sent("deadletter")],
        [one for worker in workers for one in worker.sent("examples")],
        decoded(values, deployed, truth.moments()),
        {n: PartitionState.decode(w.store.partition or b"") for n, w in enumerate(workers)},
    )


def _raws(spec: Spec, records: dict[str, list[Any]], number: int) -> list[list[Raw]]:
    return [
        [
            Raw(r.offset, r.timestamp, r.key, r.value, r.headers)
            for r in records[source.topic]
            if r.partition == number
        ]
        for source in spec.sources
    ]


def verdict(spoil: Callable[[Observed], None] | None = None) -> Verdict:
    truth, observed = lived()
    observed = copy.deepcopy(observed)
    if spoil is not None:
        spoil(observed)
    return judge(truth, observed)


def test_a_right_run_is_clean() -> None:
    found = verdict()
    assert found.clean, str(found)
    truth, observed = lived()
    assert len(truth.scores) > 50
    assert truth.letters
    assert truth.examples
    assert observed.users.keys() == truth.users.keys()


def test_repeats_with_a_known_id_are_allowed_and_counted() -> None:
    def repeat(observed: Observed) -> None:
        observed.scores.append({**observed.scores[0], "emitted_at": "later"})
        observed.letters.append({**observed.letters[0], "rejected_at": "later"})

    found = verdict(repeat)
    assert found.clean
    assert found.repeats == 2


@pytest.mark.parametrize("what", ["scores", "letters", "examples"])
def test_what_is_missing_is_lost(what: str) -> None:
    found = verdict(lambda observed: getattr(observed, what).pop())
    assert found.lost
    assert not found.counted_twice
    assert not found.unrecognisable


@pytest.mark.parametrize("what", ["scores", "letters"])
def test_a_repeat_that_says_something_else_is_unrecognisable(what: str) -> None:
    def spoil(observed: Observed) -> None:
        records = getattr(observed, what)
        records.append(records[0] | {"app": "another"})

    assert len(verdict(spoil).unrecognisable) == 1


def test_a_repeat_under_another_id_is_unrecognisable() -> None:
    def spoil(observed: Observed) -> None:
        observed.scores.append(observed.scores[0] | {"id": "made by chance"})

    assert len(verdict(spoil).unrecognisable) == 1


def _changed(observed: Observed, change: float) -> None:
    """The number of events of a user who has some."""
    name, state = next((n, u) for n, u in observed.users.items() if u.vectors[0][0] >= 1)
    vectors = orjson.loads(orjson.dumps(state.vectors))
    vectors = [[float("nan") if v is None else v for v in vector] for vector in vectors]
    vectors[0][0] += change
    observed.users[name] = replace(state, vectors=vectors)


def test_too_much_in_a_users_state_is_counted_twice() -> None:
    found = verdict(lambda observed: _changed(observed, 1))
    assert len(found.counted_twice) == 1
    assert not found.lost


def test_too_little_in_a_users_state_is_lost() -> None:
    found = verdict(lambda observed: _changed(observed, -1))
    assert len(found.lost) == 1
    assert not found.counted_twice


def test_users_and_records_that_are_gone_are_lost() -> None:
    assert verdict(lambda observed: observed.users.clear()).lost
    assert len(verdict(lambda observed: observed.records.clear()).lost) == PARTITIONS


def test_a_user_who_should_be_forgotten_is_found() -> None:
    def spoil(observed: Observed) -> None:
        observed.users["nobody"] = UserState([], [], [])

    assert len(verdict(spoil).counted_twice) == 1


def test_counters_are_compared() -> None:
    def spoil(observed: Observed) -> None:
        observed.records[0].sources[0].events += 1
        observed.records[1].sources[0].rejected["late"] -= 1

    found = verdict(spoil)
    assert found.counted_twice == ["partition 0, usage: 1 too many used"]
    assert found.lost == ["partition 1, usage: 1 too few late"]
