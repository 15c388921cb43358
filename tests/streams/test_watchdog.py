"""A process is judged by what it could do and does not."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from redis.exceptions import ConnectionError as RedisConnectionError

from streams.telemetry.metrics import Metrics
from streams.topics.clients import KafkaUnreachable
from streams.topics.cluster import TopicState
from streams.transport.batches import Standing
from streams.watchdog import LOOKS, Stalled, TopicChanged, Watchdog, awake, watching

PLACE = ("usage", 1)


class World:
    """A stand-in for everything a watchdog looks at; all is well until told otherwise."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.standing = {PLACE: Standing(taken=10, done=10, wants=True)}
        self.end: Any = 10
        self.read: Any = 10
        self.handed = {PLACE: 10}
        self.ping: Any = True
        self.changed: Any = None
        consumer = SimpleNamespace(handed=self.handed, position=self._position)
        hub = SimpleNamespace(standing=lambda: self.standing)
        app: Any = SimpleNamespace(
            rebalancing=False, rebalancing_count=1, hub=hub, batch_consumer=consumer
        )
        self.app = app
        self.dog = Watchdog(self.app, self._ends(), self._redis(), self.metrics, self._topics(), 0)

    async def _position(self, tp: Any) -> int:
        return await _said(self.read)

    def _ends(self) -> Any:
        async def of(places: Any) -> Any:
            return dict.fromkeys(places, await _said(self.end))

        return SimpleNamespace(of=of)

    def _redis(self) -> Any:
        return SimpleNamespace(ping=lambda: _said(self.ping))

    def _topics(self) -> Any:
        return SimpleNamespace(changed=lambda: _said(self.changed))

    async def looks(self, number: int = 3 * LOOKS) -> None:
        for _ in range(number):
            await self.dog.look()


async def _said(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


async def test_a_process_with_nothing_to_do_is_left_alone() -> None:
    await World().looks()


async def test_records_that_never_come_are_noticed() -> None:
    world = World()
    world.end = 20
    await world.looks(LOOKS)
    with pytest.raises(Stalled, match="usage"):
        await world.looks(2)


async def test_a_fetch_thread_that_does_not_answer_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.end, world.read = 20, TimeoutError()
    with pytest.raises(Stalled):
        await world.looks()


async def test_an_agent_that_takes_nothing_over_is_noticed() -> None:
    world = World()
    world.end = world.read = world.handed[PLACE] = 20
    with pytest.raises(Stalled):
        await world.looks()


async def test_transaction_markers_at_the_end_are_no_records() -> None:
    world = World()
    world.end = world.read = 12
    await world.looks()


async def test_a_partition_that_does_not_finish_is_noticed_although_others_move() -> None:
    world = World()
    world.standing[PLACE] = Standing(taken=10, done=5, wants=False)
    world.end = 100

    async def meanwhile() -> None:
        for n in range(3 * LOOKS):
            world.standing["usage", 0] = Standing(taken=n + 5, done=n, wants=True)
            world.metrics.commits.labels("0").inc()
            await world.dog.look()

    with pytest.raises(Stalled, match="usage"):
        await meanwhile()


async def test_slow_is_not_stalled() -> None:
    world = World()
    world.standing[PLACE] = Standing(taken=10, done=5, wants=False)
    world.end = 100
    for _ in range(9):
        await world.looks(LOOKS)
        world.metrics.commits.labels("1").inc()  # a sweep: no offset moves


async def test_a_rebalance_without_end_is_noticed() -> None:
    world = World()
    world.app.rebalancing = True
    with pytest.raises(Stalled, match="rebalance"):
        await world.looks()


async def test_who_waits_for_a_service_is_left_alone() -> None:
    world = World()
    world.end = 20
    with world.metrics.waiting.labels("redis").track_inprogress():
        await world.looks()
    world.ping = RedisConnectionError()
    await world.looks()
    world.end = KafkaConnectionError()
    await world.looks()
    world.end, world.ping = 20, True
    with pytest.raises(Stalled):
        await world.looks()


async def test_a_changed_topic_is_told_and_a_broker_away_is_not() -> None:
    world = World()
    world.changed = KafkaUnreachable("away")
    found: asyncio.Queue[BaseException] = asyncio.Queue()
    async with watching(world.dog.watch, found.put_nowait):
        await asyncio.sleep(0.05)
        assert found.empty()
        world.changed = "usage"
        assert type(await asyncio.wait_for(found.get(), 30)) is TopicChanged
    assert found.empty()


async def test_an_event_loop_that_hangs_is_noticed_and_a_busy_one_is_not() -> None:
    fired: list[float] = []
    pause = 0.06  # so long that a busy machine lets the loop run in between
    async with awake(pause, lambda: fired.append(time.monotonic())):
        for _ in range(LOOKS + 3):
            time.sleep(1.2 * pause)  # noqa: ASYNC251  # that is the fault
            await asyncio.sleep(pause / 20)
        assert not fired
        until = time.monotonic() + 60
        while not fired and time.monotonic() < until:
            time.sleep(pause)  # noqa: ASYNC251
        assert fired


def test_an_identity_is_id_and_number_of_partitions() -> None:
    assert TopicState("t", 3, topic_id="a") != TopicState("t", 3, topic_id="b")
    assert TopicState("t", 3, topic_id="a") != TopicState("t", 4, topic_id="a")
