"""State in Redis: loads, index scans, and fenced writes, slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from redis.asyncio import Redis

from models.engine.requests import Effects
from streams.state.answers import raw, text
from streams.state.fence import Fence, translated
from streams.state.keys import Keys
from streams.state.scripts import WRITE

SLICE = 500
"""Users written by one script call: bounds how long Redis does nothing else."""

BACKSTOP_DAYS = 400
"""Redis' own expiry, far off: only for deployments that were abandoned. State itself expires in
event time, by the engine."""


ERASED_AT_ONCE = 1000


class PartitionStore:
    """The state of one claimed partition.

    Every read and every write compares the fence: they raise Fenced when another worker has
    claimed the partition, Behind when Redis has lost writes of this one. Nothing of that read or
    write may be used or was done then.
    """

    def __init__(self, redis: Redis, keys: Keys, fence: Fence) -> None:
        self._redis = redis
        self._keys = keys
        self._fence = fence
        self._script = redis.register_script(WRITE)

    @classmethod
    async def claim(cls, redis: Redis, keys: Keys) -> PartitionStore:
        """Become the only writer of the partition."""
        return cls(redis, keys, await Fence.claim(redis, keys.fence))

    async def check(self) -> None:
        """Look whether the partition is still ours and Redis has all that was written."""
        await self._fence.check()

    async def partition_record(self) -> bytes | None:
        """The partition record, None when there is none."""
        return raw(await self._fence.read("GET", self._keys.partition_record))

    async def first_partitions_record(self) -> bytes | None:
        """The record of partition 0, whoever owns it."""
        first = replace(self._keys, partition=0)
        return raw(await self._redis.get(first.partition_record))

    async def load(self, users: list[str]) -> list[bytes | None]:
        """Values of users, in this order."""
        values: list[bytes | None] = []
        for start in range(0, len(users), SLICE):
            names = [self._keys.users + user for user in users[start : start + SLICE]]
            values.extend(raw(value) for value in await self._fence.read("MGET", *names))
        return values

    async def scan_at_risk(self, after: str, limit: int) -> list[str]:
        """Users at risk behind ``after``, in byte order."""
        start = b"(" + after.encode() if after else b"-"
        found = await self._fence.read(
            "ZRANGEBYLEX", self._keys.at_risk, start, b"+", "LIMIT", 0, limit
        )
        return [text(user) for user in found]

    async def scan_pending(self, until: int, limit: int) -> list[str]:
        """Users whose oldest waiting cut is at or before ``until``."""
        return await self._due(self._keys.pending, until, limit)

    async def scan_expired(self, until: int, limit: int) -> list[str]:
        """Users whose expiry timer is at or before ``until``."""
        return await self._due(self._keys.expiry, until, limit)

    async def _due(self, key: str, until: int, limit: int) -> list[str]:
        found = await self._fence.read("ZRANGEBYSCORE", key, "-inf", until, "LIMIT", 0, limit)
        return [text(user) for user in found]

    async def write(self, effects: Effects) -> None:
        """Write the changes; the partition record goes with the last slice.

        Its counts go with the first already (see ``Effects``).

        Every slice is idempotent, so a write that broke off may be repeated, but only WHOLE: what
        its first slices wrote may be lost meanwhile, and only the whole write is compared.
        """
        keys = self._keys
        names = [keys.fence, keys.users, keys.at_risk, keys.pending, keys.expiry]
        number = self._fence.seq
        for number, args in enumerate(_slices(effects), self._fence.seq + 1):
            with translated():
                await self._script(
                    keys=[*names, keys.partition_record],
                    args=[self._fence.token, BACKSTOP_DAYS * 86_400, number, *args],
                )
        self._fence.seq = number

    async def erase(self) -> int:
        """Forget the partition's state of this feature set; returns the number of keys."""
        await self._fence.check()
        erased, found = 0, []
        async for key in self._redis.scan_iter(_literally(self._keys.base) + "*", count=1000):
            found.append(key)
            if len(found) == ERASED_AT_ONCE:
                erased += await self._redis.unlink(*found)
                found.clear()
        return erased + (await self._redis.unlink(*found) if found else 0)


def _slices(effects: Effects) -> Iterator[list[Any]]:
    """Arguments of the script calls that make one commit."""
    users = list(effects.users)
    parts = [users[i : i + SLICE] for i in range(0, len(users), SLICE)] or [[]]
    indexes = (_membership(effects.at_risk), _times(effects.pending), _times(effects.expiry))
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        args: list[Any] = [len(part)]
        for user in part:
            value = effects.users[user]
            args += [user, b"" if value is None else value]
        for index in indexes:
            entries = _entries(index, None if last else part)
            args += [len(entries) // 2, *entries]
        args.append(effects.partition if last else b"" if number else effects.begun)
        yield args


def _entries(index: Mapping[str, str], part: list[str] | None) -> list[str]:
    """Index entries of the users in a slice, so that value and entry change together.

    None = the last slice: the rest, users without a new value included (repeats are harmless).
    """
    users = index if part is None else [user for user in part if user in index]
    return [text for user in users for text in (user, index[user])]


def _membership(index: Mapping[str, bool]) -> dict[str, str]:
    return {user: "0" if belongs else "" for user, belongs in index.items()}


def _times(index: Mapping[str, int | None]) -> dict[str, str]:
    return {user: "" if time is None else str(time) for user, time in index.items()}


def _literally(text: str) -> str:
    """A glob pattern that matches this text alone."""
    return "".join(f"\\{c}" if c in "*?[]^\\" else c for c in text)
