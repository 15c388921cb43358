"""The stage of one run of the bench: events on their topics once, and for each share the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.broker import HISTORY, Kafka
from bench.contender import Contender
from bench.expected import Expected
from bench.job.config import config
from bench.job.events import SOURCES, Event, Size, history, of_users
from bench.job.model import Snapshot, learn


@dataclass
class Stage:
    """Input topics of the job and what is expected of who reads them.

    name: begins the names of all topics, groups and apps of this run.
    """

    kafka: Kafka
    name: str
    size: Size
    quick: bool
    _topics: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    _expected: dict[int, Expected] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """Of the three input topics' names."""
        return f"{self.name}.events"

    @cached_property
    def events(self) -> Sequence[Event]:
        """All events of the job."""
        return history(self.size)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The fixed model of the job."""
        return learn(config(self.name, self.prefix).spec)

    @cached_property
    def model(self) -> Any:
        """The River classifier in it."""
        return self.snapshot.model

    def share(self, contender: Contender) -> int:
        """How many users a contender gets."""
        return contender.share(self.size.users, quick=self.quick)

    def expected(self, contender: Contender) -> Expected:
        """What its outputs have to be."""
        users = self.share(contender)
        if users not in self._expected:
            events = of_users(self.events, users)
            self._expected[users] = Expected.of(events, self.model, self.size.last_midnight)
        return self._expected[users]

    def topics(self, contender: Contender) -> list[str]:
        """The topics that it reads; filled at first use."""
        users = self.share(contender)
        key = (contender.inputs, users)
        if key not in self._topics:
            self._topics[key] = self._fill(contender, users)
        return self._topics[key]

    def _fill(self, contender: Contender, users: int) -> list[str]:
        if contender.inputs == "three topics":
            of_source = {source: f"{self.prefix}.{source}" for source in SOURCES}
        else:
            of_source = dict.fromkeys(SOURCES, f"{self.name}.merged-{users}")
        topics = sorted(set(of_source.values()))
        self.kafka.create(topics, HISTORY)
        self.kafka.produce(of_source, of_users(self.events, users))
        return topics
