"""The fence around what one owner writes: who it is, and how much it has written.

The owner's token says that nobody has claimed since. The number of writes says that Redis still
has all of them: what is kept in memory and what Redis holds must never drift apart unnoticed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.state.scripts import BEHIND, CLAIM, FENCED, HOLDS
from streams.supervision import StartAnew


class Fenced(StartAnew):
    """Another process has claimed what this one held; nothing of the write was done."""


class Behind(StartAnew):
    """Redis has lost writes that it had acknowledged; nothing of the write was done."""


class Fence:
    """A claim. token: held by the newest owner only. seq: number of its last known write."""

    def __init__(self, redis: Redis, key: str, token: bytes, seq: int) -> None:
        self._redis = redis
        self._key = key
        self._holds = redis.register_script(HOLDS)
        self.token = token
        self.seq = seq

    @classmethod
    async def claim(cls, redis: Redis, key: str) -> Fence:
        """Become the owner."""
        token, seq = await redis.register_script(CLAIM)(keys=[key], args=[os.urandom(8).hex()])
        return cls(redis, key, token, int(seq))

    async def check(self) -> None:
        """Raise Fenced or Behind, if so."""
        with translated():
            await self._holds(keys=[self._key], args=[self.token, self.seq, b""])

    async def advance(self) -> None:
        """Note that one more write was done, by other means than a script. Raises as check."""
        with translated():
            await self._holds(keys=[self._key], args=[self.token, self.seq, self.seq + 1])
        self.seq += 1

    async def read(self, *command: Any) -> Any:
        """Answer of a reading command, and only if the fence holds. Raises as check."""
        async with self._redis.pipeline(transaction=True) as together:
            together.hmget(self._key, "token", "seq")
            together.execute_command(*command)
            (token, seq), answer = await together.execute()
        if token != self.token:
            raise Fenced(_FENCED)
        if int(seq or 0) < self.seq:
            raise Behind(f"{_BEHIND} (at write {int(seq or 0)}, not {self.seq})")
        return answer


_FENCED = (
    "another process has claimed this partition, or Redis was emptied: what is held in memory is "
    "no longer right"
)
_BEHIND = "Redis has lost writes that it had acknowledged"


@contextmanager
def translated() -> Iterator[None]:
    """The scripts' errors as exceptions."""
    try:
        yield
    except ResponseError as error:
        message = str(error)
        if message.startswith(FENCED):
            raise Fenced(_FENCED) from error
        if message.startswith(BEHIND):
            raise Behind(f"{_BEHIND} ({message})") from error
        raise
