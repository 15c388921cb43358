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

    def _write(self, name: str, payload: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{name}.part"
        part.write_bytes(payload)
        part.replace(self._folder / name)


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


def open_store(where: str, redis: Redis, app: str) -> SnapshotStore:
    """The store that the configuration names: ``redis``, a folder, or a URL."""
    if where == "redis":
        return RedisSnapshots(redis, app)
    return ObjectSnapshots(where) if "://" in where else FolderSnapshots(Path(where))
