"""What comes in: sources without records hold the others back no longer than they must."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from models.engine.records import Merged
from models.engine.state import PartitionState, SourceState
from streams.config import parse_config
from streams.scoring.inflow import Inflow, LogEnd, room_for
from streams.telemetry.metrics import Metrics

CONFIG = """
[app]
name = "a"
[sources.busy]
topic = "busy"
user = "u"
time = {{ path = "t", unit = "ms" }}
[sources.sparse]
topic = "sparse"
user = "u"
time = {{ path = "t", unit = "ms" }}
[[features]]
name = "n"
agg = "count"
source = "busy"
window = "7d"
[labels]
rule = "inactivity"
horizon = "7d"
sources = ["busy"]
min_events = 1
within = "7d"
[scores]
schedule = {{ every = "1d" }}
[worker]
merge_wait = "{merge_wait}"
max_batch = {max_batch}
"""
START = 1_700_000_000_000
BUSY, SPARSE = 0, 1


class Raw(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None = b"u"
    value: bytes | None = b'{"u": "u", "t": 1700000000000}'
    headers: Sequence[tuple[str, bytes]] = ()


class World:
    """Logs that end where they are said to, and an Inflow of two sources in front of them."""

    def __init__(self, merge_wait: str = "50ms", max_batch: int = 100) -> None:
        self.ends = [0, 0]
        self.asked = 0
        self.waits = 0
        self.inflow = Inflow(
            parse_config(CONFIG.format(merge_wait=merge_wait, max_batch=max_batch)),
            0,
            PartitionState([SourceState(), SourceState()]),
            self.log_ends,
            Metrics(),
        )
        self._hear, self.inflow.hear = self.inflow.hear, self.hear  # type: ignore[method-assign]

    async def hear(self, seconds: float) -> None:
        self.waits += 1
        await self._hear(seconds)

    async def log_ends(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], LogEnd]:
        self.asked += 1
        await asyncio.sleep(0.001)
        return {place: LogEnd(end, 0) for place, end in zip(places, self.ends, strict=True)}

    def push(self, source: int, count: int, at: int = 0) -> int | None:
        first = self.inflow.expected[source]
        self.ends[source] = max(self.ends[source], first + count)
        return self.inflow.push(source, [Raw(first + i, START + at + i) for i in range(count)])

    async def take(self, seconds: float = 30.0) -> Merged | None:
        """The next batch, asked for again and again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.inflow and (merged := await self.inflow.take()) is not None:
                return merged
            await asyncio.sleep(0)
        return None


def test_with_something_of_every_source_nobody_waits_and_nobody_asks() -> None:
    async def run() -> None:
        world = World(merge_wait="10s")
        world.push(BUSY, 50)
        world.push(SPARSE, 1, at=30)
        merged = await world.take()
        assert merged is not None
        assert len(merged) == 32  # up to the sparse source's newest
        assert world.asked == 0

    asyncio.run(run())


def test_records_wait_for_a_silent_source_once_then_go_out_when_it_is_caught_up() -> None:
    async def run() -> None:
        world = World(merge_wait="100ms")
        began = time.monotonic()
        world.push(BUSY, 10)
        merged = await world.take()
        assert merged is not None
        assert len(merged) == 10
        assert time.monotonic() - began >= 0.1
        assert world.asked == 1

    asyncio.run(run())


def test_what_comes_while_others_wait_ends_the_wait() -> None:
    async def run() -> None:
        world = World(merge_wait="30s")
        world.push(BUSY, 10)
        asyncio.get_running_loop().call_later(0.05, world.push, SPARSE, 1, 100)
        merged = await world.take()
        assert merged is not None
        assert len(merged) == 10
        assert world.asked == 0

    asyncio.run(run())


def test_a_source_with_more_at_the_broker_holds_the_others_back() -> None:
    async def run() -> None:
        world = World(merge_wait="10ms")
        world.ends[SPARSE] = 1
        world.push(BUSY, 10)
        assert await world.take(seconds=0.3) is None
        world.push(SPARSE, 1, at=3)
        merged = await world.take()
        assert merged is not None
        assert len(merged) == 5

    asyncio.run(run())


def test_a_backlog_of_one_source_waits_once_and_asks_once_a_batch() -> None:
    async def run() -> None:
        world = World(merge_wait="200ms", max_batch=10)
        world.push(BUSY, 100)
        assert await world.take() is not None
        assert world.waits > 0
        world.waits = 0
        for _ in range(9):
            merged = await world.take()
            assert merged is not None
            assert len(merged) == 10
        assert world.asked == 10
        assert world.waits == 0

    asyncio.run(run())


def test_a_record_that_comes_during_the_question_waits_for_its_own() -> None:
    async def run() -> None:
        world = World(merge_wait="50ms")
        world.push(BUSY, 2)
        asyncio.get_running_loop().call_later(0.04, world.push, BUSY, 1, 900)
        first, second = await world.take(), await world.take()
        assert first is not None
        assert second is not None
        assert (len(first), len(second)) == (2, 1)
        assert world.asked >= 2

    asyncio.run(run())


def test_what_was_read_is_left_out_and_a_first_gap_is_refused() -> None:
    world = World()
    world.push(BUSY, 10)
    records = [Raw(offset, START) for offset in range(5, 15)]
    assert world.inflow.push(BUSY, records) is None
    assert world.inflow.expected[BUSY] == 15
    assert world.inflow.push(BUSY, records) is None
    assert world.inflow.push(BUSY, [Raw(20, START)]) == 15
    assert world.inflow.push(BUSY, [Raw(20, START)]) is None
    assert world.inflow.expected == [21, 0]


def test_what_is_buffered_does_not_grow_with_the_partitions() -> None:
    rooms = {number: room_for(40_000, number) for number in (0, 1, 2, 3, 16, 64)}
    assert rooms == {0: 80_000, 1: 80_000, 2: 80_000, 3: 53_333, 16: 10_000, 64: 2_500}
    assert room_for(1, 64) == 1
