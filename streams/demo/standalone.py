"""The simulator on its own: simulated users for a deployment, which go on where their topics end.

The same seed gives the same records in the same order in each partition, so a partition that
holds n records holds the first n: after a restart these are left out, and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.spec import SourceSpec
from schemas.times import DAY, HOUR
from streams.config import Config, parse_config
from streams.demo.feed import Feed
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.template import configuration

HISTORY = 14 * DAY
_STEP = 6 * HOUR


class NotSimulated(RuntimeError):
    """The configuration describes other events than the simulator's."""


class Beyond:
    """A producer that leaves out what the topics hold already.

    there: for each topic and partition how many records it holds.
    """

    def __init__(self, producer: Any, there: Mapping[tuple[str, int], int]) -> None:
        self._producer = producer
        self._left = {place: count for place, count in there.items() if count}
        self.sent = 0

    @property
    def behind(self) -> bool:
        """Whether there are records on the topics that have not come by yet."""
        return bool(self._left)

    def send(self, topic: str, *, partition: int, **record: Any) -> None:
        """Send, or leave out."""
        place = (topic, partition)
        if place not in self._left:
            self._producer.send(topic, partition=partition, **record)
            self.sent += 1
        elif self._left[place] == 1:
            del self._left[place]
        else:
            self._left[place] -= 1

    def close(self, timeout: float) -> None:
        """Send what is left."""
        self._producer.close(timeout=timeout)


class Simulation:
    """Simulated users on the topics of a deployment.

    Parameters
    ----------
    producer
        Of kafka-python, idempotent: a partition has to hold a prefix of what was sent to it.
    topics, partitions
        Source to topic, and how many partitions each of them has.
    there
        For each topic and partition how many records it holds.
    seed, speed
        Of the simulator; simulated days for each second.
    """

    def __init__(
        self,
        producer: Any,
        topics: Mapping[str, str],
        partitions: int,
        there: Mapping[tuple[str, int], int],
        seed: int,
        speed: float,
    ) -> None:
        self._simulator = Simulator(seed)
        self._beyond = Beyond(producer, there)
        self._feed = Feed(self._beyond, topics, partitions)
        self._speed = speed
        self._from = START + HISTORY
        self._feed.send(self._simulator.advance(self._from))
        while self._beyond.behind:
            self._from += _STEP
            self._feed.send(self._simulator.advance(self._from))

    @property
    def now(self) -> int:
        """Simulated time, microseconds since the epoch."""
        return self._simulator.now

    @property
    def sent(self) -> int:
        """Records sent by this process."""
        return self._beyond.sent

    def advance(self, elapsed: float, present: int) -> None:
        """Send what has arrived ``elapsed`` seconds after the beginning; never past ``present``."""
        until = min(self._from + int(elapsed * self._speed * DAY), present)
        if until > self._simulator.now:
            self._feed.send(self._simulator.advance(until))

    def close(self) -> None:
        """Send what is left."""
        self._feed.close()


def require_simulated(config: Config) -> None:
    """Raise NotSimulated unless the sources are read as the simulator writes them."""
    own = parse_config(configuration("x"))
    if _sources(config) != _sources(own):
        raise NotSimulated(
            "the sources of this configuration are not the simulator's, so its events would be "
            "dead letters on your topics. `ebbline init --simulated FILE` writes a configuration "
            "for simulated users"
        )


def _sources(config: Config) -> dict[str, SourceSpec]:
    return {source.name: replace(source, topic="") for source in config.spec.sources}
