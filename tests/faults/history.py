"""A history of users that has all that may go wrong in records: late, early, repeated, broken.

Numbers are whole, so that sums are exact in whatever order they are made.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from schemas.murmur2 import partition_of
from tests.faults.deployment import PARTITIONS, SOURCES
from tests.models.engine.story import START, Item

HOUR = 3_600_000_000
DAY = 24 * HOUR
CLOSING_DAYS = 6
"""Days of heartbeats after the last event: all cuts mature."""

BROKEN = (
    b"",  # sent as a tombstone
    b"{",
    b"[1]",
    b'{"user": "\xff"}',
    b"{}",
    b'{"user": null, "at": 1}',
    b'{"user": "user-1"}',
    b'{"user": "user-1", "at": "yesterday"}',
    b'{"user": "user-1", "at": 1578268800000000, "id": "x", "data": {"n": "many"}}',
)
"""Values of records that nobody can use, for the source usage."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record and where it is produced to."""

    item: Item
    partition: int


def history(seed: int, users: int = 30, days: int = 10) -> list[Sent]:
    """Records in order of arrival, then source, as they must be produced."""
    rng = random.Random(seed)
    found = [sent for n in range(users) for sent in _life(rng, n, days)]
    found += _heartbeats(days)
    found += [_broken(rng, days) for _ in range(2 * len(BROKEN))]
    return sorted(found, key=lambda sent: (sent.item.stamp, SOURCES.index(sent.item.source)))


def end_of(days: int) -> int:
    """The arrival of the last record of a history, in microseconds."""
    return START + (days + CLOSING_DAYS) * DAY


def _life(rng: random.Random, number: int, days: int) -> Iterator[Sent]:
    user = f"user-{number}"
    home = partition_of(user.encode(), PARTITIONS)
    now = START + int(rng.uniform(0, 3) * DAY)
    ends = START + int(rng.uniform(2, 2 * days) * DAY)
    yield Sent(Item("billing", _grid(now), user, now, data={"n": 9}), home)
    count = 0
    while now < min(ends, START + days * DAY):
        now += int(rng.expovariate(5) * DAY)
        count += 1
        data = {"n": rng.randint(0, 60)} | ({"k": rng.choice("abc")} if rng.random() < 0.8 else {})
        time = now - rng.choice([0, 0, 0, HOUR // 2, 5 * HOUR, 20 * HOUR, 3 * DAY])
        event = Item("usage", _grid(now), user, time, f"{user}/{count}", data=data)
        yield Sent(event, home)
        yield from _trouble(rng, event, home)
    if ends < START + days * DAY:
        kind = rng.choice(["churn", "leave"])
        yield Sent(Item("outcomes", _grid(ends), user, ends, kind=kind), home)
        if rng.random() < 0.3:
            back = ends + DAY
            yield Sent(Item("outcomes", _grid(back), user, back, kind="return"), home)


def _trouble(rng: random.Random, event: Item, home: int) -> Iterator[Sent]:
    """Now and then a repeat, a bill, a record in the wrong partition or from the future."""
    assert event.time is not None
    stamp, user, chance = event.stamp, event.user, rng.random()
    if chance < 0.05:
        again = stamp + rng.choice([0, 3 * HOUR])
        yield Sent(Item("usage", again, user, event.time, event.id, data=event.data), home)
    elif chance < 0.15:
        late = rng.choice([0, 2 * HOUR, 5 * DAY])
        yield Sent(Item("billing", stamp, user, stamp - late, data={"n": rng.randint(1, 9)}), home)
    elif chance < 0.17:
        strange = (home + 1) % PARTITIONS
        yield Sent(Item("usage", stamp, user, stamp, f"strange/{event.id}", data={"n": 1}), strange)
    elif chance < 0.19:
        early = stamp + 4 * DAY
        yield Sent(Item("usage", stamp, user, early, f"early/{event.id}", data={"n": 1}), home)


def _heartbeats(days: int) -> list[Sent]:
    return [
        Sent(Item(source, START + day * DAY + 1000, None, START + day * DAY, beat=True), partition)
        for day in range(days + CLOSING_DAYS + 1)
        for source in SOURCES
        for partition in range(PARTITIONS)
    ]


def _broken(rng: random.Random, days: int) -> Sent:
    stamp = _grid(START + int(rng.uniform(0, days) * DAY))
    return Sent(Item("usage", stamp, raw=rng.choice(BROKEN)), rng.randrange(PARTITIONS))


def _grid(time: int) -> int:
    """Arrivals on a coarse grid, so that they tie across topics."""
    return time // (10 * 60_000_000) * (10 * 60_000_000) + 10 * 60_000_000


def value_of(item: Item) -> bytes | None:
    """The value that is produced."""
    if item.raw is not None:
        return item.raw or None
    content = {"user": item.user, "at": item.time, "id": item.id, "kind": item.kind}
    known = {name: value for name, value in content.items() if value is not None}
    return orjson.dumps(known | ({"data": item.data} if item.data else {}))
