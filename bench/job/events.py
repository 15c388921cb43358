"""The events of the job: seeded, so that every run and every contender has the same.

A user has about three sessions a day of about eight events within a minute: 24 events a day, of
which usage has 80 %, support and billing 10 % each. Everybody has a session after the last
midnight of the stream, so that a tool that notices a midnight only by a user's next event can
notice all of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import orjson

from schemas.murmur2 import partition_of

DAY = 86_400_000
START = 1_704_067_200_000
"""2024-01-01, milliseconds since the epoch, as all times in this package."""

SOURCES = ("usage", "support", "billing")
WEIGHTS = (80, 10, 10)
KINDS = {
    "usage": ("view", "view", "view", "search", "search", "export"),
    "support": ("low", "normal", "normal", "high"),
    "billing": ("paid", "paid", "failed"),
}
SESSIONS = 3.0
EVENTS = (4, 12)
PAUSE = 5_000.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event. at: event time = record timestamp, ms; no two of a user are equal."""

    at: int
    user: str
    source: str
    kind: str
    value: float

    def json(self) -> bytes:
        """The record's value, about 90 bytes."""
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of the job. hours: length of the stream, ending after a midnight."""

    users: int
    hours: int = 806
    partitions: int = 2
    seed: int = 4

    @property
    def last_midnight(self) -> int:
        """The last cut that every contender scores."""
        return START + self.hours * 3_600_000 // DAY * DAY


def history(size: Size) -> list[Event]:
    """All events in the order of time."""
    found = [event for number in range(size.users) for event in life(size, number)]
    return sorted(found, key=attrgetter("at"))


def life(size: Size, number: int) -> Iterator[Event]:
    """The events of one user, in order; the same whatever the number of users."""
    rng = random.Random(size.seed * 1_000_003 + number)
    end = START + size.hours * 3_600_000
    taken: set[int] = set()
    begins = [rng.uniform(size.last_midnight + 1, end)]
    now = START + rng.expovariate(SESSIONS) * DAY
    while now < end:
        begins.append(now)
        now += rng.expovariate(SESSIONS) * DAY
    for begin in begins:
        at = begin
        for _ in range(rng.randint(*EVENTS)):
            if at < end:
                taken.add(int(at))
            at += rng.expovariate(1 / PAUSE)
    user = f"user-{number:06d}"
    for moment in sorted(taken):
        source = rng.choices(SOURCES, WEIGHTS)[0]
        kind = rng.choice(KINDS[source])
        yield Event(moment, user, source, kind, round(rng.lognormvariate(2.0, 1.0), 3))


def of_users(events: Sequence[Event], users: int) -> list[Event]:
    """The events of the first ``users`` users."""
    bound = f"user-{users:06d}"
    return [event for event in events if event.user < bound]


def home(user: str, partitions: int) -> int:
    """Partition of a user in every topic."""
    return partition_of(user.encode(), partitions)
