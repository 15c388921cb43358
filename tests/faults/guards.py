"""Mutants without one of the guards against a Redis that forgets, topics made again, and stalls."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.faults.mutants import MUTANTS, mutant

__all__ = ["MUTANTS"]

LAST_SECOND = "Redis: its last second is lost (appendfsync everysec) under load"
REPLACED = "topic deleted and created again while it is read"
FETCH = "watchdog: a fetch never returns"
FORGOTTEN = "trainer: Redis loses its last second, then every snapshot"


@mutant("the number of writes in the fence is not compared", LAST_SECOND)
def without_numbers() -> None:
    from streams.state.fence import Fence

    _replace(Fence, "seq", property(lambda _: 0, lambda _, __: None))


@mutant("ids of topics are not compared", REPLACED)
def without_ids() -> None:
    from streams.scoring import fitting

    _replace(fitting, "_another", lambda *_: False)


@mutant("--rebuild erases nothing", REPLACED)
def without_erasing() -> None:
    from streams.state.store import PartitionStore

    async def erase(_: PartitionStore) -> int:
        return 0

    _replace(PartitionStore, "erase", erase)


@mutant("the watchdog sleeps", FETCH)
def asleep() -> None:
    from streams.watchdog import Watchdog

    async def watch(_: Watchdog) -> None:
        await asyncio.Event().wait()

    _replace(Watchdog, "watch", watch)


@mutant("the trainer does not count what it has put", FORGOTTEN)
def uncounted() -> None:
    from streams.state.fence import Fence

    _replace(Fence, "advance", Fence.check)


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)
