"""One owner at a time for something that has no partition: the trainer."""

from __future__ import annotations

import os

from redis.asyncio import Redis

from streams.state.scripts import CLAIM


class Fence:
    """A token that only the newest owner holds."""

    def __init__(self, redis: Redis, key: str, token: bytes) -> None:
        self._redis = redis
        self._key = key
        self._token = token

    @classmethod
    async def claim(cls, redis: Redis, app: str) -> Fence:
        """Become the app's trainer."""
        key = f"ebb:{{{app}.train}}:fence"
        token = await redis.register_script(CLAIM)(keys=[key], args=[os.urandom(8).hex()])
        return cls(redis, key, token)

    async def holds(self) -> bool:
        """Whether nobody has claimed since."""
        return bool(await self._redis.hget(self._key, "token") == self._token)
