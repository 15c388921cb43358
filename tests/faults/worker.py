"""``ebbline worker`` with named points where a test may cut: ``python -m tests.faults.worker``.

The product's functions are wrapped from outside, at seams that tell where in the order of effects
the process is. Slices are small, so that small histories have several.
"""

from __future__ import annotations

import os
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.producer.sender import SendProduceReqHandler
from redis.commands.core import AsyncScript

from models.engine import engine
from streams.cli.worker import worker
from streams.outputs import Outputs
from streams.scoring.hub import ScoreHub
from streams.scoring.partition import Partition
from streams.state import store
from streams.state.scripts import WRITE
from streams.state.store import PartitionStore
from streams.transport.batches import DurableProducer
from tests.faults.points import arm, hit

USERS_IN_A_SLICE = 3
"""Of a write and of a sweep."""


def wrap(owner: type, name: str, before: str | None = None, after: str | None = None) -> None:
    """Make a coroutine method pass points."""
    original = getattr(owner, name)

    async def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if before is not None:
            hit(before)
        result = await original(self, *args, **kwargs)
        if after is not None:
            hit(after)
        return result

    replace(owner, name, wrapped)


def replace(owner: Any, name: str, value: Any) -> None:
    """Put something in the place of something else."""
    setattr(owner, name, value)


def between_slices() -> None:
    """The write script is called once for each slice; behind the first, the next is at hand."""
    call, write = AsyncScript.__call__, PartitionStore.write
    written = 0

    async def counted(script: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal written
        if script.script == WRITE:
            if written:
                hit("slice")
            written += 1
        return await call(script, *args, **kwargs)

    async def whole(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal written
        written = 0
        await write(self, *args, **kwargs)
        hit("written")

    replace(AsyncScript, "__call__", counted)
    replace(PartitionStore, "write", whole)


def in_a_sweep() -> None:
    """Behind a commit that leaves a sweep unfinished."""
    commit = Partition._commit

    async def committed(self: Partition, request: Any) -> None:
        hit("computed")
        await commit(self, request)
        if self.engine.state.sweep is not None and self.engine.state.sweep.cursor:
            hit("sweep")

    replace(Partition, "_commit", committed)


def at_the_wire() -> None:
    """The broker has answered a produce request; nobody has been told."""
    handle = SendProduceReqHandler.handle_response

    def answered(self: Any, response: Any) -> None:
        hit("answered")
        handle(self, response)

    replace(SendProduceReqHandler, "handle_response", answered)


def install() -> None:
    """Wrap everything, and make slices small."""
    replace(store, "SLICE", USERS_IN_A_SLICE)
    replace(engine, "SLICE", USERS_IN_A_SLICE)
    wrap(PartitionStore, "partition_record", before="claimed")
    wrap(PartitionStore, "load", after="loaded")
    wrap(DurableProducer, "send_batch", after="handed")
    wrap(Outputs, "send", after="acknowledged")
    wrap(AIOKafkaConsumer, "commit", before="offsets", after="committed")
    wrap(ScoreHub, "release", before="revoked")
    between_slices()
    in_a_sweep()
    at_the_wire()


def main() -> None:
    """Be a worker; the plan is in the environment."""
    arm(os.environ)
    install()
    worker()


if __name__ == "__main__":
    main()
