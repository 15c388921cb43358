"""Simulated users that go on where their topics end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.times import DAY
from streams.config import parse_config
from streams.config.starter import starter_text
from streams.demo import standalone
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.standalone import NotSimulated, Simulation, require_simulated
from streams.demo.template import configuration
from streams.demo.world import Habits

TOPICS = {name: f"t.{name}" for name in ("usage", "billing", "support", "outcomes")}
PARTITIONS = 2
PRESENT = START + 1000 * DAY
HISTORY = 4 * DAY


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """Two weeks of everybody take seconds to simulate, and how much it is does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standalone, "HISTORY", HISTORY)
        patch.setattr(standalone, "Simulator", lambda seed: Simulator(seed, Habits(users=150)))
        yield


class Broker:
    """Keeps what is sent to it, by topic and partition."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Any]] = defaultdict(list)

    def send(self, topic: str, *, partition: int, **record: Any) -> None:
        self.logs[topic, partition].append(record)

    def close(self, timeout: float) -> None:
        """Nothing to do."""


def simulation(broker: Broker, there: dict[tuple[str, int], int], seed: int = 1) -> Simulation:
    return Simulation(broker, TOPICS, PARTITIONS, there, seed, speed=1.0)


def test_a_history_at_once_then_as_time_goes_by() -> None:
    broker = Broker()
    running = simulation(broker, {})
    assert running.now == START + HISTORY
    at_first = running.sent
    running.advance(3.0, PRESENT)
    assert running.now == START + HISTORY + 3 * DAY
    assert running.sent > at_first > 1000
    assert running.sent == sum(map(len, broker.logs.values()))


def test_never_past_the_present() -> None:
    running = simulation(Broker(), {})
    running.advance(30.0, START + HISTORY + 2 * DAY)
    assert running.now == START + HISTORY + 2 * DAY


@pytest.fixture(scope="module")
def whole() -> Broker:
    """What one process sends."""
    broker = Broker()
    simulation(broker, {}).advance(5.0, PRESENT)
    return broker


@pytest.mark.parametrize("shares", [(1.0, 1.0), (0.5, 1.0), (0.0, 0.3)])
def test_goes_on_where_each_partition_ends(whole: Broker, shares: tuple[float, float]) -> None:
    kept = Broker()  # what a first process had sent when it was killed
    for (topic, partition), log in whole.logs.items():
        kept.logs[topic, partition] = log[: int(len(log) * shares[partition])]
    there = Counter({place: len(log) for place, log in kept.logs.items()})

    again = simulation(kept, there)
    again.advance((START + HISTORY + 5 * DAY - again.now) / DAY, PRESENT)

    assert kept.logs == whole.logs
    assert again.sent == sum(map(len, whole.logs.values())) - there.total()


def test_knows_its_own_configuration() -> None:
    require_simulated(parse_config(configuration("any-name")))
    with pytest.raises(NotSimulated, match="dead letters on your topics"):
        require_simulated(parse_config(starter_text(), Path("ebbline.toml")))
