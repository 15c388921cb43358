"""The fence around a partition's state: other owners, lost writes, lost answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from models.engine.requests import Effects
from streams.state import store as stores
from streams.state.fence import Behind, Fence, Fenced
from streams.state.keys import Keys
from streams.state.store import PartitionStore

KEYS = Keys("fenced-app", 1, "fs-1")

READS: dict[str, Callable[[PartitionStore], Awaitable[Any]]] = {
    "record": lambda store: store.partition_record(),
    "users": lambda store: store.load(["ann"]),
    "at risk": lambda store: store.scan_at_risk("", 9),
    "pending": lambda store: store.scan_pending(9, 9),
    "expired": lambda store: store.scan_expired(9, 9),
    "check": lambda store: store.check(),
    "write": lambda store: store.write(effects(7)),
    "erase": lambda store: store.erase(),
}


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


def effects(value: int, users: int = 5) -> Effects:
    """Every user gets the value, an entry in each index, and the record has it too."""
    names = [f"user-{n}" for n in range(users)]
    return Effects(
        users=dict.fromkeys(names, b"%d" % value),
        at_risk=dict.fromkeys(names, True),
        pending=dict.fromkeys(names, value),
        expiry=dict.fromkeys(names, value),
        partition=b"%d" % value,
    )


async def dump(client: Redis) -> dict[Any, Any]:
    return {key: await client.dump(key) for key in await client.keys("*")}


async def restore(client: Redis, saved: dict[Any, Any]) -> None:
    await client.flushdb()
    for key, value in saved.items():
        await client.restore(key, 0, value)


async def same(client: Redis, value: int, users: int = 5) -> bool:
    """Whether Redis holds ``effects(value)`` whole."""
    kept = await client.mget([KEYS.users + f"user-{n}" for n in range(users)])
    times: Any = await client.zrange(KEYS.pending, 0, -1, withscores=True)
    record = await client.get(KEYS.partition_record)
    return (
        set(kept) == {record}
        and record == b"%d" % value
        and [time for _, time in times] == [value] * users
    )


@pytest.mark.parametrize("what", READS)
async def test_nothing_is_read_or_written_for_a_worker_that_lost_its_partition(
    client: Redis, what: str
) -> None:
    old = await PartitionStore.claim(client, KEYS)
    await old.write(effects(1))
    new = await PartitionStore.claim(client, KEYS)
    await new.write(effects(2))
    before = await dump(client)
    with pytest.raises(Fenced):
        await READS[what](old)
    assert await dump(client) == before
    assert await same(client, 2)


@pytest.mark.parametrize("what", READS)
async def test_nothing_is_read_or_written_beside_a_redis_that_lost_writes(
    client: Redis, what: str
) -> None:
    store = await PartitionStore.claim(client, KEYS)
    await store.write(effects(1))
    saved = await dump(client)
    await store.write(effects(2))
    await READS["check"](store)
    await restore(client, saved)
    with pytest.raises(Behind):
        await READS[what](store)
    assert await same(client, 1)
    fresh = await PartitionStore.claim(client, KEYS)
    await fresh.write(effects(3))
    assert await same(client, 3), "who claims anew goes on from what is there"


@pytest.mark.parametrize("what", READS)
async def test_an_emptied_redis_is_noticed(client: Redis, what: str) -> None:
    store = await PartitionStore.claim(client, KEYS)
    await store.write(effects(1))
    await client.flushdb()
    with pytest.raises(Fenced):
        await READS[what](store)
    assert await client.keys("*") == []


@pytest.mark.parametrize("done", range(4))
async def test_a_write_whose_answer_was_lost_is_repeated_whole(
    client: Redis, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SLICE", 2)  # three slices
    store = await PartitionStore.claim(client, KEYS)
    await store.write(effects(1))
    await broken_off(store, client, effects(2), after=done)
    await store.write(effects(2))
    assert await same(client, 2)
    await store.write(effects(3))
    assert await same(client, 3)
    await store.check()


@pytest.mark.parametrize("done", [1, 2])
async def test_slices_lost_between_two_attempts_are_written_again(
    client: Redis, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SLICE", 2)
    store = await PartitionStore.claim(client, KEYS)
    await store.write(effects(1))
    saved = await dump(client)
    await broken_off(store, client, effects(2), after=done)
    await restore(client, saved)
    await store.write(effects(2))
    assert await same(client, 2)


async def test_a_slice_lost_between_two_slices_is_noticed(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SLICE", 2)
    store = await PartitionStore.claim(client, KEYS)
    await store.write(effects(1))
    saved = await dump(client)
    script, calls = store._script, 0

    async def losing(**arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            await restore(client, saved)
        return await script(**arguments)

    monkeypatch.setattr(store, "_script", losing)
    with pytest.raises(Behind):
        await store.write(effects(2))
    assert await same(client, 1)


async def broken_off(store: Any, client: Redis, what: Effects, after: int) -> None:
    """A write whose connection breaks when ``after`` slices were done; of the last of three
    slices the answer is lost."""
    script, calls = store._script, 0

    async def breaking(**arguments: Any) -> Any:
        nonlocal calls
        if calls == after:
            raise ConnectionError
        calls += 1
        answer = await script(**arguments)
        if calls == after == 3:
            raise ConnectionError
        return answer

    store._script = breaking
    with pytest.raises(ConnectionError):
        await store.write(what)
    store._script = script


async def test_erasing_leaves_everything_else(client: Redis) -> None:
    store = await PartitionStore.claim(client, KEYS)
    await store.write(effects(1, users=2500))
    others = [Keys("fenced-app", 10, "fs-1"), Keys("fenced-app", 1, "fs-2"), Keys("[*]", 1, "fs-1")]
    for keys in others:
        await (await PartitionStore.claim(client, keys)).write(effects(1, users=3))
    store = await PartitionStore.claim(client, KEYS)
    before = await dump(client)
    assert await store.erase() == 2500 + 4
    after = await dump(client)
    assert after == {k: v for k, v in before.items() if not k.startswith(KEYS.base.encode())}
    assert await store.partition_record() is None


async def test_the_trainers_fence_counts_what_was_put_beside_it(client: Redis) -> None:
    fence = await Fence.claim(client, "train")
    await fence.advance()
    saved = await dump(client)
    await fence.advance()
    await fence.check()
    await restore(client, saved)
    with pytest.raises(Behind):
        await fence.advance()
    newer = await Fence.claim(client, "train")
    await newer.advance()
    with pytest.raises(Fenced):
        await fence.check()
