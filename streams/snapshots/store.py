"""The snapshot store: payloads by name, in Redis, a folder, or an object store."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any, Protocol

from redis.asyncio import Redis

from streams.state.answers import raw


class SnapshotStore(Protocol):
    """Payloads by name. Putting the same name again replaces it."""

    async def put(self, name: str, payload: bytes) -> None:
        """Keep a payload, durably, before returning."""

    async def get(self, name: str) -> bytes | None:
        """The payload, None when there is none."""

    async def drop(self, name: str) -> None:
        """Forget a payload, if it is there."""


class RedisSnapshots:
    """Payloads beside the state."""

    def __init__(self, redis: Redis, app: str) -> None:
        self._redis = redis
        self._prefix = f"ebb:{app}:snapshot:"

    async def put(self, name: str, payload: bytes) -> None:
        """Keep a payload."""
        await self._redis.set(self._prefix + name, payload)

    async def get(self, name: str) -> bytes | None:
        """The payload, None when there is none."""
        return raw(await self._redis.get(self._prefix + name))

    async def drop(self, name: str) -> None:
        """Forget a payload, if it is there."""
        await self._redis.delete(self._prefix + name)


class FolderSnapshots:
    """Payloads as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, payload: bytes) -> None:
        """Keep a payload; a reader never sees half of it."""
        await asyncio.to_thread(self._write, name, payload)

    async def get(self, name: str) -> bytes | None:
        """The payload, None when there is none."""
        path = self._folder / name
        return await asyncio.to_thread(lambda: path.read_bytes() if path.exists() else None)

    async def drop(self, name: str) -> None:
        """Forget a payload, if it is there."""
        await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)

    def _write(self, name: str, payload: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(payload)
        part.replace(path)


class ObjectSnapshots:
    """Payloads in whatever fsspec reaches by URL (extra ``objects``)."""

    def __init__(self, url: str) -> None:
        fsspec = importlib.import_module("fsspec")
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")

    async def put(self, name: str, payload: bytes) -> None:
        """Keep a payload."""
        await asyncio.to_thread(self._fs.pipe_file, f"{self._root}/{name}", payload)

    async def get(self, name: str) -> bytes | None:
        """The payload, None when there is none."""

        def read() -> Any:
            path = f"{self._root}/{name}"
            return self._fs.cat_file(path) if self._fs.exists(path) else None

        payload: bytes | None = await asyncio.to_thread(read)
        return payload

    async def drop(self, name: str) -> None:
        """Forget a payload, if it is there."""

        def remove() -> None:
            path = f"{self._root}/{name}"
            if self._fs.exists(path):
                self._fs.rm_file(path)

        await asyncio.to_thread(remove)


def open_store(where: str, redis: Redis, app: str) -> SnapshotStore:
    """The store that the configuration names: ``redis``, a folder, or a URL."""
    if where == "redis":
        return RedisSnapshots(redis, app)
    return ObjectSnapshots(where) if "://" in where else FolderSnapshots(Path(where))
