"""State in Redis: loads, index scans, and fenced writes, slice by slice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from models.engine.requests import Effects
from streams.state.answers import raw, text
from streams.state.keys import Keys
from streams.state.scripts import CLAIM, FENCED, WRITE

SLICE = 500
"""Users written by one script call: bounds how long Redis does nothing else."""

BACKSTOP_DAYS = 400
"""Redis' own expiry, far off: only for deployments that were abandoned. State itself expires in
event time, by the engine."""


class Fenced(Exception):
    """Another worker has claimed the partition; nothing of this write was done."""


class PartitionStore:
    """The state of one claimed partition."""

    def __init__(self, redis: Redis, keys: Keys, token: str) -> None:
        self._redis = redis
        self._keys = keys
        self._token = token
        self._script = redis.register_script(WRITE)

    @classmethod
    async def claim(cls, redis: Redis, keys: Keys) -> PartitionStore:
        """Become the only writer of the partition."""
        owner = os.urandom(8).hex()
        token = await redis.register_script(CLAIM)(keys=[keys.fence], args=[owner])
        return cls(redis, keys, token.decode())

    async def partition_record(self) -> bytes | None:
        """The partition record, None when there is none."""
        return raw(await self._redis.get(self._keys.partition_record))

    async def load(self, users: list[str]) -> list[bytes | None]:
        """Values of users, in this order."""
        values: list[bytes | None] = []
        for start in range(0, len(users), SLICE):
            names = [self._keys.users + user for user in users[start : start + SLICE]]
            values.extend(raw(value) for value in await self._redis.mget(names))
        return values

    async def scan_at_risk(self, after: str, limit: int) -> list[str]:
        """Users at risk behind ``after``, in byte order."""
        start = b"(" + after.encode() if after else b"-"
        found = await self._redis.zrangebylex(self._keys.at_risk, start, b"+", 0, limit)
        return [text(user) for user in found]

    async def scan_pending(self, until: int, limit: int) -> list[str]:
        """Users whose oldest waiting cut is at or before ``until``."""
        return await self._due(self._keys.pending, until, limit)

    async def scan_expired(self, until: int, limit: int) -> list[str]:
        """Users whose expiry timer is at or before ``until``."""
        return await self._due(self._keys.expiry, until, limit)

    async def _due(self, key: str, until: int, limit: int) -> list[str]:
        found = await self._redis.zrangebyscore(key, "-inf", until, 0, limit)
        return [text(user) for user in found]

    async def write(self, effects: Effects) -> None:
        """Write the changes; the partition record goes with the last slice.

        Every slice is idempotent, so a write that broke off may be repeated whole. Raises
        Fenced when another worker has claimed the partition.
        """
        keys = self._keys
        names = [keys.fence, keys.users, keys.at_risk, keys.pending, keys.expiry]
        for args in _slices(effects):
            try:
                await self._script(
                    keys=[*names, keys.partition_record],
                    args=[self._token, BACKSTOP_DAYS * 86_400, *args],
                )
            except ResponseError as error:
                if str(error).startswith(FENCED):
                    raise Fenced(str(error)) from error
                raise


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
        args.append(effects.partition if last else b"")
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
