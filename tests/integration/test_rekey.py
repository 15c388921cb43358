"""Topics keyed by anything but the user, copied and scored: as if they were keyed by user."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.integration.story import CONFIG, DAY, PARTITIONS, SOURCES, START, Event, Story, history
from tests.nursery import Child

ORIGINALS = {"usage": 5, "billing": 1, "outcomes": 3}
SMALL_BATCHES = 'session_timeout = "6s"\nmax_batch = 100'
FOREVER = {"retention.ms": "-1"}
DYING = "tests.integration.dying"
DAYS, END, EPOCH = 9, START + 16 * DAY + 1, START + 13 * DAY
"""END: arrival of the last heartbeats. EPOCH: learned in any case before a story is over."""


@dataclass
class RekeyedStory(Story):
    """As Story, but nobody keys by user, and each topic has another number of partitions."""

    def begin(self) -> Story:
        text = CONFIG.format(app=self.app, model_wait=self.model_wait)
        for source in SOURCES:
            text = text.replace(f"[sources.{source}]\n", f"[sources.{source}]\nrekey = true\n")
        self.config.write_text(text.replace('session_timeout = "6s"', SMALL_BATCHES))
        admin = KafkaAdminClient(bootstrap_servers=self.servers)
        for source, count in ORIGINALS.items():
            options = {"num_partitions": count, "replication_factor": 1, "configs": FOREVER}
            admin.create_topics({f"{self.app}.{source}": options}, wait_for_metadata=True)
        admin.close()
        self.ebbline("topics", "create", "--partitions", str(PARTITIONS))
        return self

    def produce(self, events: Iterable[Event]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.servers, linger_ms=0)
        rng = random.Random(7)
        for event in events:
            beat = event.key is None
            if beat and event.partition != 0:
                continue
            count = ORIGINALS[event.source]
            for partition in range(count) if beat else [rng.randrange(count)]:
                producer.send(
                    f"{self.app}.{event.source}",
                    key=None if event.source == "outcomes" else f"order-{partition}".encode(),
                    value=orjson.dumps(event.value),
                    partition=partition,
                    timestamp_ms=event.arrival,
                    headers=[("ebbline-heartbeat", b"1")] if beat else [("trace", b"t")],
                )
        producer.flush()
        producer.close()

    def start_dying(self, how: str, after: int) -> Child:
        """A rekeying worker that kills itself around its ``after``-th send."""
        given = [how, str(after), "worker", "--roles", "rekey", "--config", str(self.config)]
        return self.start_module(DYING, given)


@pytest.fixture
def make_story(services, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[Any]:
    made: list[Story] = []

    def make(kind: type[Story]) -> Story:
        app = f"{fresh_name}-{len(made)}"
        made.append(kind(app, tmp_path, services.bootstrap_servers, redis_url).begin())
        return made[-1]

    yield make
    for story in made:
        story.kill_all()


def what_is_known(story: Story) -> dict[str, list[bytes]]:
    """Scores and examples without what names the app, the positions and the time of sending."""
    known: dict[str, list[bytes]] = {}
    for topic, nameless in (
        ("scores", ("id", "app", "emitted_at", "cause")),
        ("examples", ("id", "app")),
    ):
        found: dict[str, bytes] = {}
        for record in story.read(topic):
            number = record.get("id") or f"epoch-{record['partition']}-{record['epoch']}"
            cause = record.get("cause", "").partition(":")[0]
            plain = {k: v for k, v in record.items() if k not in nameless} | {"kind_of": cause}
            content = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
            assert found.setdefault(number, content) == content, "a repeat differs"
        known[topic] = sorted(found.values())
    return known


def state_of(story: Story) -> list[Any]:
    """What the partition records say of event time, and what was applied."""
    parts = ("progress", "arrival", "events", "late", "duplicates", "disordered")
    return [
        (record["clock"], [{part: source[part] for part in parts} for source in record["sources"]])
        for record in story.records()
    ]


def bad_records() -> list[Event]:
    """Some whose user cannot be read, and one whose user can."""
    at = START + 4 * DAY
    good = {"user": {"id": "user-1"}, "at": at, "id": "x", "minutes": 1.0}
    bad: list[dict[str, Any]] = [{**good, "user": {}}, {**good, "user": {"id": []}}, {}]
    bad.append({**good, "minutes": "many"})
    return [Event(at + n, "usage", "user-1", value) for n, value in enumerate(bad)]


def letters_of(story: Story) -> list[tuple[str, str]]:
    found = {one["id"]: (one["reason"], one["value_base64"]) for one in story.read("deadletter")}
    return sorted(found.values())


def originals_of_letters(story: Story) -> list[tuple[bytes, bytes]]:
    """For each letter its value, and what stands at the place that it names."""
    consumer = KafkaConsumer(bootstrap_servers=story.servers, enable_auto_commit=False)
    found = []
    for letter in story.read("deadletter"):
        place = TopicPartition(letter["topic"], letter["partition"])
        consumer.assign([place])
        consumer.seek(place, letter["offset"])
        records = consumer.poll(10_000, max_records=1)[place]
        found.append((base64.b64decode(letter["value_base64"]), records[0].value))
    consumer.close()
    return found


def models_of(story: Story) -> list[tuple[int, int, str | None]]:
    return [told for told in story.models() if told[0] <= EPOCH * 1000]


def live_through(story: Story, *roles: str) -> None:
    with story.running(*roles):
        story.wait_scored_through(END)
        story.wait_trained_through(EPOCH)


def test_copies_score_like_a_keyed_history_through_kills_and_rebalances(make_story) -> None:
    events = sorted(history(users=15, days=DAYS) + bad_records(), key=lambda e: e.arrival)
    keyed, rekeyed = make_story(Story), make_story(RekeyedStory)
    keyed.produce(events)
    live_through(keyed)
    half = len(events) // 2
    rekeyed.produce(events[:half])
    for how, after in (("half", 2), ("all", 3), ("all", 1)):
        assert rekeyed.start_dying(how, after).wait() == -9, rekeyed.logs()
    rekeyed.start_dying("half", 2)
    rekeyed.start("rekey")
    rekeyed.produce(events[half:])
    live_through(rekeyed, "score,train,rekey")
    assert models_of(rekeyed) == models_of(keyed)
    assert what_is_known(rekeyed) == what_is_known(keyed)
    assert state_of(rekeyed) == state_of(keyed)
    assert letters_of(rekeyed) == letters_of(keyed)
    assert {reason for reason, _ in letters_of(rekeyed)} >= {"missing-user", "wrong-type"}
    places = originals_of_letters(rekeyed)
    assert [value for value, _ in places] == [original for _, original in places]
    assert sum(s["lanes"]["repeats"] for r in rekeyed.records() for s in r["sources"]) > 0
