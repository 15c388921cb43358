"""The ceiling: Ebbline's own batch hand-over, orjson for each record, and no work."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson
from faust.contrib.asgi import bind_to_running_loop

from bench.contenders import first_fetch
from bench.notes import Notes, settings
from streams.app import score_app
from streams.config import load_config
from streams.connections import Connections
from streams.scoring.hub import ScoreHub
from streams.supervision import Supervisor
from streams.telemetry.metrics import Metrics
from streams.transport.log_ends import LogEnds


class Reader:
    """Takes the place of the scoring hub: parses each record, keeps nothing."""

    def __init__(self, events: int, notes: Notes, done: asyncio.Event) -> None:
        self._left = events
        self._notes = notes
        self._done = done
        self._read: dict[tuple[str, int], int] = {}

    def wants(self, topic: str, partition: int) -> bool:  # noqa: ARG002 - the hub's signature
        """Always room for more."""
        return True

    def durable(self) -> Mapping[tuple[str, int], int]:
        """What has been read may be committed."""
        return self._read

    def resume_at(self, committed: Mapping[tuple[str, int], int]) -> Mapping[tuple[str, int], int]:  # noqa: ARG002
        """Where the group's commit says."""
        return {}

    def push(self, topic: str, partition: int, records: Sequence[Any]) -> None:
        """Parse the records."""
        for record in records:
            orjson.loads(record.value)
        self._read[topic, partition] = records[-1].offset + 1
        self._left -= len(records)
        if self._left <= 0:
            self._notes.last()
            self._done.set()

    async def claim(self, numbers: Collection[int], *_: Any, **__: Any) -> None:
        """Nothing to take over."""

    async def release(self) -> None:
        """Nothing to let go of."""


async def read(given: dict[str, Any], notes: Notes) -> None:
    """Read every record once, through the app that ``ebbline worker`` makes."""
    done = asyncio.Event()
    hub = cast("ScoreHub", Reader(given["events"], notes, done))
    config = load_config(Path(given["config"]))
    ends = cast("LogEnds", None)
    app = score_app(config, Connections.from_env(), hub, ends, Metrics(), Supervisor())
    bind_to_running_loop(app)
    app.finalize()
    await app.start()
    await done.wait()
    await app.stop()


if __name__ == "__main__":
    settings_given, own_notes = settings()
    first_fetch.watch(own_notes, settings_given["topics"])
    asyncio.run(read(settings_given, own_notes))
