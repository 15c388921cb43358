"""The oracle, the peers' shared code and Ebbline's own engine agree on a small job.

Three implementations that share nothing: were one wrong, the bench would call the wrong
contender wrong.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import orjson
import pytest

from bench import oracle
from bench.expected import Expected, key_of
from bench.job.config import FEATURES, config
from bench.job.events import DAY, SOURCES, START, Event, Size, history, of_users
from bench.job.model import KEY, learn
from bench.peers.features import add, features, new_state
from bench.peers.scoring import Scoring
from models.learning.snapshots import load_scorer
from tests.models.engine.harness import Worker
from tests.models.engine.story import Raw

SIZE = Size(users=12, hours=60, partitions=1)
ABOUT = {"app": "bench", "valid_from": None, "feature_set": "fs"}


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return history(SIZE)


@pytest.fixture(scope="module")
def spec():
    return config("bench", "bench.events").spec


@pytest.fixture(scope="module")
def snapshot(spec):
    return learn(spec)


@pytest.fixture(scope="module")
def expected(events, snapshot) -> Expected:
    return Expected.of(events, snapshot.model, SIZE.last_midnight)


def by_peers(events, model) -> list[bytes]:
    scoring, states, found = Scoring(model, ABOUT), {}, []
    for event in events:
        states[event.user], scores = scoring.on_event(
            states.get(event.user), orjson.loads(event.json())
        )
        states[event.user] = orjson.loads(orjson.dumps(states[event.user]))  # as a store would
        found += [orjson.dumps(score) for score in scores]
    return found


@dataclass
class OneModel:
    """The job's snapshot, always in force."""

    scorer: object

    def at(self, *_):
        return self.scorer


def by_engine(events, spec, snapshot) -> list[bytes]:
    topics = [[e for e in events if e.source == source] for source in SOURCES]
    raws = [
        [Raw(n, e.at, e.user.encode(), e.json(), []) for n, e in enumerate(topic)]
        for topic in topics
    ]
    now = (START + 10 * DAY) * 1000
    worker = Worker(spec, raws, now=now)
    announced = snapshot.announcement(spec.app)
    worker.models = cast(
        "Any", OneModel(load_scorer(spec, announced, snapshot.payload, KEY.encode()))
    )
    worker.run()
    return [output.value for output in worker.outputs if output.topic == "scores"]


def test_peers_give_what_the_oracle_expects(events, snapshot, expected) -> None:
    assert expected.objection(by_peers(events, snapshot.model)) is None


def test_the_engine_gives_what_the_oracle_expects(events, spec, snapshot, expected) -> None:
    assert expected.objection(by_engine(events, spec, snapshot)) is None


def test_both_kinds_of_scores_are_expected(expected) -> None:
    causes = [key.cause for key in expected.keys]
    share = causes.count("event") / expected.events
    assert 0.1 < share < 0.2
    assert causes.count("schedule") == sum(key.at % DAY == 0 for key in expected.keys) > 12


@pytest.mark.parametrize("seed", range(8))
def test_peers_features_over_a_long_life(seed: int) -> None:
    rng = random.Random(seed)
    at, events, state = START, [], None
    for _ in range(120):
        at += int(rng.choice([1, 60_000, DAY / 3, 2 * DAY]) * rng.random()) + 1
        if rng.random() < 0.1:
            at = -(-at // DAY) * DAY  # a midnight exactly
        source = rng.choice(SOURCES)
        kind = rng.choice(["view", "export", "high", "low"])
        event = Event(at, "u", source, kind, round(rng.uniform(-5, 50), 2))
        if events and events[-1].at >= at:
            continue
        events.append(event)
        state = state or new_state(at)
        add(state, source, at, kind, event.value)
        asked = at + rng.choice([0, 1, DAY - at % DAY, 3 * DAY])
        want, got = oracle.vector(events, asked), features(state, asked)
        assert got.keys() == want.keys()
        names = sorted(want)
        np.testing.assert_allclose(
            [got[name] for name in names], [want[name] for name in names], rtol=1e-6, atol=1e-5
        )


def test_the_oracle_notices(events, snapshot, expected) -> None:
    scores = by_peers(events, snapshot.model)
    assert "missing" in expected.objection(scores[:-1])
    assert "more than once" in expected.objection([*scores, scores[0]])
    assert "unknown" in expected.objection([*scores, _changed(scores[0], user="nobody")])
    sampled = [i for i, s in enumerate(scores) if key_of(orjson.loads(s)) in expected.sample]
    for change in ({"probability": 0.1234}, {"model": {"version": 0}}):
        wrong = list(scores)
        wrong[sampled[0]] = _changed(wrong[sampled[0]], **change)
        assert expected.objection(wrong) is not None


def _changed(score: bytes, **change: object) -> bytes:
    return orjson.dumps(orjson.loads(score) | change)


def test_a_share_of_users_has_all_of_their_events(events) -> None:
    few = of_users(events, 5)
    assert few == history(Size(users=5, hours=60, partitions=1))
    assert {e.user for e in few} == {f"user-{n:06d}" for n in range(5)}


def test_the_job_is_the_issue_s(events) -> None:
    assert len(FEATURES) == 20
    shares = [sum(e.source == source for e in events) / len(events) for source in SOURCES]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.05)
    last = {e.user: e.at for e in events}
    assert all(at > SIZE.last_midnight for at in last.values())
    for user_events in oracle.by_user(events).values():
        times = [e.at for e in user_events]
        assert len(set(times)) == len(times)
