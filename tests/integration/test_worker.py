"""A worker as its users meet it: bad input, dead letters sent again, services that go away,
health, metrics, a clean end; and state that fell behind."""

from __future__ import annotations

import base64
import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import redis
from kafka import KafkaProducer

from schemas.murmur2 import partition_of
from streams.embedded import LocalRedis
from tests.integration.story import DAY, PARTITIONS, START, Event, Story, history
from tests.patience import PATIENCE

MakeStory = Callable[..., Story]


@pytest.fixture
def make_story(services, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[MakeStory]:
    made: list[Story] = []

    def make(**options) -> Story:
        options = {"redis_url": redis_url} | options
        story = Story(f"{fresh_name}-{len(made)}", tmp_path, services.bootstrap_servers, **options)
        made.append(story.begin())
        return story

    yield make
    for story in made:
        story.kill_all()


def address(story: Story) -> str:
    """Where the newest worker answers; it says so in its log."""
    log = story.folder / f"{story.app}-{len(story.workers) - 1}.log"
    deadline = time.monotonic() + PATIENCE
    while not (found := re.search(r'"web": "(http://[^"]+)"', log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return found[1]


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


AT = START + 8 * DAY
GOOD = {"user": {"id": "user-1"}, "at": AT, "id": "x", "minutes": 1.0}

BAD: dict[str, bytes | None] = {
    "tombstone": None,
    "undecodable": b'{"user": "\xff"}',
    "not-json": b"{",
    "not-an-object": b"[1]",
    "missing-user": orjson.dumps({**GOOD, "user": {}}),
    "null-user": orjson.dumps({**GOOD, "user": {"id": None}}),
    "bad-user": orjson.dumps({**GOOD, "user": {"id": []}}),
    "missing-time": orjson.dumps({k: v for k, v in GOOD.items() if k != "at"}),
    "null-time": orjson.dumps({**GOOD, "at": None}),
    "bad-time": orjson.dumps({**GOOD, "at": "yesterday"}),
    "absurd-time": orjson.dumps({**GOOD, "at": 253402300799000}),
    "future-time": orjson.dumps({**GOOD, "at": AT + 30 * DAY}),
    "late": orjson.dumps({**GOOD, "at": AT - 6 * DAY}),
    "missing-field": orjson.dumps({k: v for k, v in GOOD.items() if k != "minutes"}),
    "null-field": orjson.dumps({**GOOD, "minutes": None}),
    "wrong-type": orjson.dumps({**GOOD, "minutes": "many"}),
    "too-large": orjson.dumps({**GOOD, "padding": "x" * 200_000}),
}


def send(story: Story, source: str, value: bytes | None, user: str, partition: int | None = None):
    producer = KafkaProducer(bootstrap_servers=story.servers, max_request_size=4_000_000)
    home = partition_of(user.encode(), PARTITIONS)
    future = producer.send(
        f"{story.app}.{source}",
        key=user.encode(),
        value=value,
        partition=home if partition is None else partition,
        timestamp_ms=AT,
    )
    kept = future.get(30)
    producer.close()
    return f"{kept.topic}-{kept.partition}-{kept.offset}"


def close(story: Story, day: int) -> None:
    """Heartbeats everywhere at the start of a day."""
    story.produce(
        Event(START + day * DAY + 1, source, None, {"at": START + day * DAY}, partition)
        for source in ("usage", "billing", "outcomes")
        for partition in range(PARTITIONS)
    )


def test_bad_input_is_kept_named_and_counted_and_the_stream_goes_on(make_story: MakeStory) -> None:
    story = make_story()
    events = [e for e in history(users=12, days=8) if e.arrival < AT]
    story.produce(events)
    home = partition_of(b"user-1", PARTITIONS)
    where = {send(story, "usage", value, "user-1"): reason for reason, value in BAD.items()}
    where[send(story, "usage", orjson.dumps(GOOD), "user-1", (home + 1) % PARTITIONS)] = (
        "wrong-partition"
    )
    unknown = {"user": "user-1", "at": AT, "kind": "exploded"}
    where[send(story, "outcomes", orjson.dumps(unknown), "user-1")] = "unknown-kind"
    send(story, "usage", orjson.dumps(GOOD), "user-1")
    with story.running():
        story.wait_applied()
        status, body = get(address(story) + "/metrics")
    assert status == 200
    letters = {letter["id"]: letter for letter in story.read("deadletter")}
    assert {place: letters[place]["reason"] for place in where} == where
    for place, reason in where.items():
        if reason in BAD:
            kept = letters[place]["value_base64"]
            assert (None if kept is None else base64.b64decode(kept)) == BAD[reason]
        assert letters[place]["message"]
    counted = Counter(letter["reason"] for letter in letters.values())
    for reason, count in counted.items():
        wanted = rf'ebbline_rejected_total{{reason="{reason}",source="\w+"}} {count}\.0'
        assert re.search(wanted, body), f"{reason} is not {count} in\n{body}"
    good = [r["sources"][0]["events"] for r in story.records()]
    unique = {e.value.get("id") for e in events if e.source == "usage" and e.key}
    assert sum(good) == len(unique) + 1, "the good one behind the bad ones was used, once"


def test_a_dead_letter_sent_again_twice_counts_once(make_story: MakeStory) -> None:
    story = make_story()
    story.produce(e for e in history(users=6, days=8) if e.arrival < AT)
    home = partition_of(b"user-1", PARTITIONS)
    bill = {"customer": "user-1", "at": AT, "amount": 7.0}  # billing has no event id
    send(story, "billing", orjson.dumps(bill), "user-1", (home + 1) % PARTITIONS)
    with story.running():
        story.wait_applied()
        before = sum(r["sources"][1]["events"] for r in story.records())
        for _ in range(2):
            story.ebbline("deadletters", "--reason", "wrong-partition", "--retry", "--yes")
        story.wait_applied()
        records = story.records()
    assert sum(r["sources"][1]["events"] for r in records) == before + 1
    assert sum(r["sources"][1]["duplicates"] for r in records) == 1


def test_health_says_when_it_is_ready_and_sigterm_ends_in_order(make_story: MakeStory) -> None:
    story = make_story()
    with story.running() as (worker,):
        url = address(story)
        story._wait(lambda: get(url + "/readyz")[0] == 200, PATIENCE, "never ready")
        assert get(url + "/healthz") == (200, "ok\n")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0


def test_while_redis_is_away_nothing_is_lost(make_story: MakeStory, tmp_path: Path) -> None:
    with LocalRedis(tmp_path / "redis") as server:
        story = make_story(redis_url=server.url)
        events = history(users=12, days=10)
        half = len(events) // 2
        story.produce(events[:half])
        with story.running():
            story.wait_applied()
            server.stop()
            story.produce(events[half:])
            story.wait_said("waiting for a service")
            server.start()
            story.wait_applied()
            story.wait_scored_through(START + 17 * DAY)
        scored = {(s["user"], s["time"]) for s in story.read("scores") if s["cause"] == "schedule"}
    undisturbed = make_story()
    undisturbed.produce(events)
    with undisturbed.running():
        undisturbed.wait_scored_through(START + 17 * DAY)
        undisturbed.wait_applied()
    expected = undisturbed.read("scores")
    assert scored == {(s["user"], s["time"]) for s in expected if s["cause"] == "schedule"}
    assert story.outcome() == undisturbed.outcome()


def test_a_redis_that_lost_its_last_writes_heals_from_the_topics(make_story: MakeStory) -> None:
    story = make_story()
    events = history(users=12, days=10)
    third = len(events) // 3
    client = redis.Redis.from_url(story.redis_url)
    story.produce(events[:third])
    with story.running():
        story.wait_applied()
    saved = {key: client.dump(key) for key in client.scan_iter(f"ebb:{{{story.app}.p*")}
    story.produce(events[third : 2 * third])
    with story.running():
        story.wait_applied()
    for key in client.scan_iter(f"ebb:{{{story.app}.p*"):
        client.delete(key)
    for key, value in saved.items():
        client.restore(key, 0, value)
    story.produce(events[2 * third :])
    with story.running():
        story.wait_applied()
        story.wait_scored_through(START + 17 * DAY)
    assert "Redis is behind the group's commit" in story.logs(last=1_000_000)
    story.outcome()  # fails if a repeated score differs
    undisturbed = make_story()
    undisturbed.produce(events)
    with undisturbed.running():
        undisturbed.wait_applied()
        undisturbed.wait_scored_through(START + 17 * DAY)
    assert story.outcome() == undisturbed.outcome()


def test_state_that_is_gone_is_an_error_whose_remedy_works(make_story: MakeStory) -> None:
    story = make_story()
    story.produce(history(users=6, days=6))
    with story.running():
        story.wait_applied()
        story.wait_scored_through(START + 13 * DAY)
    before = story.outcome()
    client = redis.Redis.from_url(story.redis_url)
    for key in client.scan_iter(f"ebb:{{{story.app}.p*"):
        client.delete(key)
    worker = story.start()
    assert worker.wait() == 1
    assert "--rebuild" in story.logs(last=1_000_000)
    assert not story.records(), "nothing was written before someone decided"
    story.workers.clear()
    worker = story.start("score,train", "--rebuild")
    story.wait_applied()
    story.wait_scored_through(START + 13 * DAY)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert len(story.read("scores")) > len(before), "computed again"
    assert story.outcome() == before, "and the same"
