"""What a partition shows in the metrics: every dead letter, and nothing once another has it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from models.engine.requests import Output
from streams.config import parse_config
from streams.scoring.hub import ScoreHub
from streams.scoring.inflow import LogEnd
from streams.state.store import PartitionStore
from streams.telemetry.metrics import Metrics
from streams.topics.cluster import TopicState
from tests.streams.scoring.test_inflow import CONFIG, START, Raw

RULES = """
[sources.busy.fields]
n = { path = "n", type = "number" }
[sources.busy.quality]
rules.n = { monotone = true }
"""
BY_PARTITION = {
    "ebbline_resident_users",
    "ebbline_clock_seconds",
    "ebbline_source_staleness_seconds",
    "ebbline_out_of_arrival_order_records",
}


class Services:
    """Redis, which keeps nothing, and Kafka with three records of one source."""

    def __init__(self) -> None:
        self.written = asyncio.Event()

    async def check(self) -> None:
        pass

    async def partition_record(self) -> None:
        return None

    async def first_partitions_record(self) -> None:
        return None

    async def load(self, users: list[str]) -> list[None]:
        return [None for _ in users]

    async def write(self, _effects: Any) -> None:
        self.written.set()

    async def send(self, outputs: Sequence[Output]) -> None:
        pass

    async def now(self) -> dict[str, TopicState]:
        return {name: TopicState(name, 1) for name in ("busy", "sparse")}

    async def log_ends(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], LogEnd]:
        return {place: LogEnd(3 if place[0] == "busy" else 0, 0) for place in places}


def record(offset: int, n: int) -> Raw:
    time = START + offset
    return Raw(offset, time, value=f'{{"u": "u", "t": {time}, "n": {n}}}'.encode())


def shown(metrics: Metrics) -> dict[str, dict[str, float]]:
    """Values of the metrics that have labels, by name and labels."""
    found: dict[str, dict[str, float]] = {}
    for one in (sample for family in metrics.registry.collect() for sample in family.samples):
        if one.labels:
            found.setdefault(one.name, {})[" ".join(one.labels.values())] = one.value
    return found


async def lived() -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """What is shown while a partition is claimed, three records later, and when it is gone."""
    services, metrics = Services(), Metrics()
    some: Any = services
    config = parse_config(CONFIG.format(merge_wait="1ms", max_batch=100) + RULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartitionStore, "claim", lambda *_: asyncio.sleep(0, services))
        hub = ScoreHub(config, some, some, metrics, some, some, some)
        await hub.claim([0], 1, some, services.log_ends, {})
        for batch in ([record(0, 7), record(1, 3)], [record(2, 9)]):
            services.written.clear()
            hub.push("busy", 0, batch)
            await asyncio.wait_for(services.written.wait(), 5)
        before = shown(metrics)
        await hub.release()
        return before, shown(metrics)


def test_what_a_partition_shows_is_gone_when_it_is() -> None:
    before, after = asyncio.run(lived())
    assert before.keys() >= BY_PARTITION
    assert not after.keys() & BY_PARTITION


def test_dead_letters_of_rules_that_need_a_users_past_are_counted() -> None:
    _, after = asyncio.run(lived())
    assert after["ebbline_rejected_total"] == {"busy quality-rule": 1.0}
