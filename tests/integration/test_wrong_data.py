"""Wrong data got in, and are taken out again: through the command line, on Kafka and Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from models.features.plan import make_plan
from models.learning.scorer import Scorer, prior_scorer
from models.spec import Spec
from models.state.decoding import decode
from models.state.slab import Slab
from schemas.murmur2 import partition_of
from schemas.times import format_time
from streams.config import load_config
from tests.integration.story import DAY, PARTITIONS, SOURCES, START, Event, Story, history
from tests.models.engine.harness import Worker
from tests.models.engine.portrait import person
from tests.models.engine.story import Raw

FAULT = START + 6 * DAY + DAY // 3
"""Wrong data begin, not on the grid."""
HEALED = FAULT + DAY
NOTICED = START + 8 * DAY + 2
LATER = (START + 100 * DAY) * 1000
"""A wall clock behind everything, microseconds."""

pytestmark = pytest.mark.integration


@pytest.fixture
def story(services: Any, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[Story]:
    made = Story(fresh_name, tmp_path, services.bootstrap_servers, redis_url)
    yield made.begin()
    made.kill_all()


def with_fault() -> list[Event]:
    """Minutes of a day are a thousand times too many; a user who never was is among them."""
    events = [
        one._replace(value={**one.value, "minutes": one.value["minutes"] * 1000})
        if is_wrong(one)
        else one
        for one in history(users=24, days=10)
    ]
    ghost = {"user": {"id": "ghost"}, "at": FAULT + 1000, "id": "ghost/0", "minutes": 9e9}
    place = next(n for n, event in enumerate(events) if event.arrival > FAULT + 60_000)
    events.insert(place, Event(events[place].arrival, "usage", "ghost", ghost))
    return events


def is_wrong(event: Event) -> bool:
    inside = FAULT < event.value["at"] <= HEALED
    return event.source == "usage" and event.key is not None and inside


def test_what_was_rejected_leaves_no_trace(story: Story) -> None:
    events = with_fault()
    before = [event for event in events if event.arrival <= NOTICED]
    after = [event for event in events if event.arrival > NOTICED]
    interval = ("--from", format_time(FAULT * 1000), "--until", format_time(HEALED * 1000))
    story.produce(before)
    with story.running("score", "train"):
        story.wait_applied()
        story.wait_trained_through(START + 7 * DAY)
    said = story.ebbline("sources", "reject", "usage", *interval, "--wait", "0s", "--reason", "ms")
    assert "no worker is running" in said
    story.produce(after)
    worker = story.start("score")
    story.wait_said("reading records again without what was rejected")
    worker.kill()
    worker.wait()
    story.ebbline("models", "rollback", "--before", interval[1], "--without", without())
    with story.running("score", "train"):
        story.wait_applied()
        story.wait_scored_through(START + 16 * DAY)
        story.wait_trained_through(START + 15 * DAY)
        assert "repaired in 3 of 3" in story.ebbline("sources", "reject", "usage", *interval)
    spec = load_config(story.config).spec
    never = [event for event in events if not is_wrong(event)]
    assert state(story, spec) == lived(spec, never)
    newest = max(story.read("models"), key=lambda m: m["epoch"])
    (again,) = newest["reign"]["relearned"]
    assert again["left_out"] == [{"source": "usage", "begin": FAULT * 1000, "until": HEALED * 1000}]
    dropped = [record["dropped"].get("corrupt", 0) for record in story.read("drift")]
    assert sum(dropped) > 0


def without() -> str:
    return f"usage={format_time(FAULT * 1000)}/{format_time(HEALED * 1000)}"


def state(story: Story, spec: Spec) -> dict[str, Any]:
    """Users as Redis holds them."""
    client = redis.Redis.from_url(story.redis_url)
    values: dict[str, bytes] = {}
    for key in client.scan_iter(f"ebb:{{{story.app}.p*}}:{spec.feature_set}:u:*"):
        value = client.get(key)
        assert isinstance(value, bytes)
        values[key.decode().rpartition(":u:")[2]] = value
    client.close()
    return people(spec, values)


def lived(spec: Spec, events: Sequence[Event]) -> dict[str, Any]:
    """Users as they are when these events are all that ever came."""
    values: dict[str, bytes] = {}
    for number in range(PARTITIONS):
        topics: list[list[Raw]] = [[] for _ in SOURCES]
        for event in events:
            home = event.partition
            if home is None:
                assert event.key is not None
                home = partition_of(event.key.encode(), PARTITIONS)
            if home == number:
                topic = topics[SOURCES.index(event.source)]
                topic.append(raw(event, len(topic)))
        worker = Worker(spec, topics, now=LATER, partition=number, partitions=PARTITIONS)
        worker.models = Prior(spec)  # type: ignore[assignment]
        values |= worker.run().store.users
    return people(spec, values)


class Prior:
    """What scores is of no matter for the state."""

    def __init__(self, spec: Spec) -> None:
        self._scorer = prior_scorer(spec)

    def at(self, _time: int, _epoch: int | None) -> Scorer:
        return self._scorer


def raw(event: Event, offset: int) -> Raw:
    key = None if event.key is None else event.key.encode()
    headers = [] if key else [("ebbline-heartbeat", b"1")]
    return Raw(offset, event.arrival, key, orjson.dumps(event.value), headers)


def people(spec: Spec, values: dict[str, bytes]) -> dict[str, Any]:
    slab, users = Slab(make_plan(spec)), sorted(values)
    rows = slab.make(users)
    decode(slab, users, rows, [values[user] for user in users])
    said = ("offsets", "pending", "last_score", "indexed")
    return {
        user: {k: v for k, v in person(slab, row, eager=False).items() if k not in said}
        for user, row in zip(users, rows.tolist(), strict=True)
    }
