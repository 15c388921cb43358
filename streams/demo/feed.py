"""Sending what the simulator says, and how fast its time runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from schemas.murmur2 import partition_of
from schemas.times import DAY
from streams.demo.simulator import SimRecord

HEARTBEAT_HEADERS = [("ebbline-heartbeat", b"1")]


class Feed:
    """Puts records on their topics: key = user, timestamp = arrival, heartbeats everywhere.

    Parameters
    ----------
    producer
        Of kafka-python.
    topics
        Source → topic.
    partitions
        Of each of these topics.
    """

    def __init__(self, producer: Any, topics: Mapping[str, str], partitions: int) -> None:
        self._producer = producer
        self._topics = topics
        self._partitions = partitions
        self._partition_of = lru_cache(maxsize=100_000)(
            lambda key: partition_of(key, self._partitions)
        )

    def send(self, records: Iterable[SimRecord]) -> None:
        """Hand the records over in their order; they are sent in the background."""
        for record in records:
            if record.user is None:
                self._beat(record)
            else:
                key = record.user.encode()
                self._put(record, key, self._partition_of(key), [])

    def close(self) -> None:
        """Send what is left."""
        self._producer.close(timeout=5)

    def _beat(self, record: SimRecord) -> None:
        for partition in range(self._partitions):
            self._put(record, None, partition, HEARTBEAT_HEADERS)

    def _put(
        self, record: SimRecord, key: bytes | None, partition: int, headers: list[Any]
    ) -> None:
        self._producer.send(
            self._topics[record.source],
            value=record.value,
            key=key,
            headers=headers,
            partition=partition,
            timestamp_ms=record.arrival // 1000,
        )


class Pace:
    """Simulated time by wall time: history at once, then a steady run that waits for the worker.

    The in-memory broker keeps some megabytes of each partition only, so simulated time never
    runs further than ``lead`` ahead of the newest scores.

    Parameters
    ----------
    start
        Simulated time of the beginning.
    history
        Microseconds that exist before the worker's first score.
    speed
        Simulated days for each second.
    lead
        Microseconds that events may be ahead of scores.
    end
        Simulated time never passes this: the present.
    """

    def __init__(self, start: int, history: int, speed: float, lead: int, end: int) -> None:
        self.until = start + history
        self.waiting = True
        self._speed = speed
        self._lead = lead
        self._end = end
        self._wall: float | None = None

    def next(self, wall: float, scored: int | None) -> int:
        """Simulated time to advance to; ``scored``: where all partitions' scores have got."""
        passed = 0.0 if self._wall is None else wall - self._wall
        self._wall = wall
        limit = self.until if scored is None else max(self.until, scored + self._lead)
        wanted = min(self.until + int(passed * self._speed * DAY), self._end)
        self.waiting = wanted > limit or scored is None
        self.until = min(wanted, limit)
        return self.until

    @property
    def over(self) -> bool:
        """Whether simulated time has reached the present."""
        return self.until >= self._end
