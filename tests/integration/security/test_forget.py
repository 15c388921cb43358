"""``ebbline forget`` with a running worker, without one, twice, and for somebody unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from schemas.murmur2 import partition_of
from tests.integration.story import DAY, PARTITIONS, START, Story, history
from tests.patience import PATIENCE

GONE = "user-1"
EVENTS = history(users=12, days=10)
HALF = next(n for n, event in enumerate(EVENTS) if event.arrival >= START + 5 * DAY)


@pytest.fixture
def story(services, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[Story]:
    made = Story(fresh_name, tmp_path, services.bootstrap_servers, redis_url).begin()
    yield made
    made.kill_all()


@pytest.fixture
def undisturbed(services, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[Story]:
    made = Story(f"{fresh_name}-u", tmp_path, services.bootstrap_servers, redis_url).begin()
    yield made
    made.kill_all()


def traces(story: Story, user: str) -> list[str]:
    """Everything in Redis that the user's name stands on, whatever the feature set."""
    client = redis.Redis.from_url(story.redis_url)
    found = []
    for key in client.scan_iter(f"ebb:{{{story.app}.p*"):
        name = key.decode()
        if name.endswith(f":u:{user}"):
            found.append(name)
        if client.type(key) == b"zset" and client.zscore(key, user) is not None:
            found.append(name)
    client.close()
    return found


def told(story: Story, *, but: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Scores of everybody but one, without what names the app or a record's place."""
    left_out = ("id", "app", "cause", "emitted_at")
    return {
        (s["user"], s["time"], s["cause"][:5]): {k: v for k, v in s.items() if k not in left_out}
        for s in story.read("scores")
        if s["user"] != but
    }


def test_a_running_worker_forgets_and_nobody_else_notices(story: Story, undisturbed: Story) -> None:
    story.produce(EVENTS[:HALF])
    with story.running():
        story.wait_applied()
        story._wait(lambda: traces(story, GONE), PATIENCE, "the user never came")
        output = story.ebbline("forget", GONE)
        assert f"{GONE}: forgotten" in output
        assert traces(story, GONE) == []
        asked = {r["clock"] for r in story.records()}
        assert "no state is known" in story.ebbline("forget", GONE, "nobody")
        story.produce(EVENTS[HALF:])
        story.wait_applied()
        story.wait_scored_through(START + 17 * DAY)
        story.wait_trained_through(START + 17 * DAY)
    later = [s for s in story.read("scores") if s["user"] == GONE]
    assert later, "they came back: a new user"
    for example in story.read("examples"):
        if example.get("user") == GONE and example["epoch"] > max(asked):
            assert example["time"] >= min(asked), "of a cut that was forgotten"
    assert {letter["reason"] for letter in story.read("deadletter")} <= {"late"}
    undisturbed.produce(EVENTS)
    with undisturbed.running():
        undisturbed.wait_applied()
        undisturbed.wait_scored_through(START + 17 * DAY)
    ours, theirs = told(story, but=GONE), told(undisturbed, but=GONE)
    assert ours.keys() == theirs.keys()
    before = {key for key in ours if ours[key]["model"]["version"] == 0}
    assert {key: ours[key] for key in before} == {key: theirs[key] for key in before}


def test_without_a_worker_the_next_one_begins_with_it(story: Story) -> None:
    story.produce(EVENTS[:HALF])
    with story.running():
        story.wait_applied()
    assert traces(story, GONE)
    output = story.ebbline("forget", GONE, "--wait", "0s")
    assert "no worker is running" in output
    assert traces(story, GONE), "the state has one writer, and it is not here"
    with story.running():
        story.wait_applied()
        assert traces(story, GONE) == []
        assert f"{GONE}: forgotten" in story.ebbline("forget", GONE)


def test_what_other_feature_sets_left_is_erased_at_once(story: Story) -> None:
    client = redis.Redis.from_url(story.redis_url)
    base = f"ebb:{{{story.app}.p{partition_of(GONE.encode(), PARTITIONS)}}}:fs-000000000000:"
    client.set(base + "part", b"{}")
    client.set(base + "u:" + GONE, b"old")
    client.zadd(base + "risk", {GONE: 0, "another": 0})
    assert "fs-000000000000" in story.ebbline("forget", GONE, "--wait", "0s")
    assert not [name for name in traces(story, GONE) if name.startswith(base)]
    assert client.zrange(base + "risk", 0, -1) == [b"another"]
    client.close()
