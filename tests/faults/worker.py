"""``ebbline worker`` with named points where a test may cut: ``python -m tests.faults.worker``.

The product's functions are wrapped from outside, at seams that tell where in the order of effects
the process is. Slices are small, so that small histories have several.
"""

from __future__ import annotations

import asyncio
import os
import time
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.producer.sender import SendProduceReqHandler
from redis.commands.core import AsyncScript

from models.engine import epochs, sweeps, unit
from streams import watchdog
from streams.cli.worker import worker
from streams.outputs import Outputs
from streams.scoring.hub import ScoreHub
from streams.scoring.partition import Partition
from streams.state import store
from streams.state.fence import Fence
from streams.state.store import PartitionStore
from streams.training.hub import TrainHub
from streams.transport.batches import BatchConsumer, DurableProducer
from tests.faults.mutants import mutate
from tests.faults.points import arm, clock, hit

USERS_IN_A_SLICE = 3
"""Of a write and of a sweep."""

CHANGES_IN_A_COMMIT = 5
"""So that a sweep takes several commits."""

FEWER_LOOKS = 2
"""Of the watchdog, where a test waits for it."""


def wrap(owner: type, name: str, before: str | None = None, after: str | None = None) -> None:
    """Make a coroutine method pass points."""
    original = getattr(owner, name)

    async def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if before is not None and hit(before):
            await asyncio.Event().wait()
        result = await original(self, *args, **kwargs)
        if after is not None and hit(after):
            await asyncio.Event().wait()
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
        if script.script == vars(store)["WRITE"]:
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
    """The broker has answered a produce request; nobody has been told.

    An error raised here takes the place of the answer: one with a code as if the broker had sent
    it, which the client may mend by itself, any other as the end of the client's patience.
    """
    handle = SendProduceReqHandler.handle_response

    def answered(self: Any, response: Any) -> None:
        try:
            hit("answered")
        except KafkaError as error:
            if getattr(error, "errno", -1) < 0:
                for batch in self._batches.values():
                    batch.failure(exception=error)
                return
            response = _refusal(response, error.errno)
        handle(self, response)

    replace(SendProduceReqHandler, "handle_response", answered)


def in_the_agent() -> None:
    """What the agent has fetched; one that hangs does so in a seek that never ends."""
    push, seek, hanging = ScoreHub.push, BatchConsumer.seek_wait, False

    def pushed(self: ScoreHub, *args: Any) -> int | None:
        nonlocal hanging
        hanging = hit("pushed")
        return 0 if hanging else push(self, *args)

    async def sought(self: BatchConsumer, target: Any) -> None:
        if hanging:
            await asyncio.Event().wait()
        await seek(self, target)

    replace(ScoreHub, "push", pushed)
    replace(BatchConsumer, "seek_wait", sought)


def in_the_trainer() -> None:
    """Its order of effects, see streams.training.hub."""
    publish = TrainHub._publish

    async def published(self: TrainHub, *args: Any) -> None:
        hit("learned")
        await publish(self, *args)
        hit("announced")

    replace(TrainHub, "_publish", published)
    wrap(TrainHub, "_put", after="put")
    wrap(Fence, "advance", after="fenced")


def _refusal(response: Any, code: int) -> Any:
    """The same answer, with an error for every partition."""
    topics = [
        (topic, [(one[0], code, *one[2:]) for one in partitions])
        for topic, partitions in response.topics
    ]
    return SimpleNamespace(API_VERSION=response.API_VERSION, topics=topics)


def install() -> None:
    """Wrap everything, and make slices small."""
    replace(store, "SLICE", USERS_IN_A_SLICE)
    replace(sweeps, "SLICE", USERS_IN_A_SLICE)
    replace(epochs, "SLICE", USERS_IN_A_SLICE)
    replace(unit, "ENOUGH", CHANGES_IN_A_COMMIT)
    wrap(PartitionStore, "partition_record", before="claimed")
    wrap(PartitionStore, "load", after="loaded")
    wrap(DurableProducer, "send_batch", after="handed")
    wrap(Outputs, "send", after="acknowledged")
    wrap(AIOKafkaConsumer, "commit", before="offsets", after="committed")
    wrap(ScoreHub, "release", before="revoked")
    between_slices()
    in_a_sweep()
    at_the_wire()
    wrap(BatchConsumer, "_getmany", before="fetch")
    in_the_agent()
    in_the_trainer()
    replace(time, "time", clock.time)
    replace(time, "time_ns", clock.time_ns)


def main() -> None:
    """Be a worker; the plan is in the environment."""
    plan = arm(os.environ)
    mutate()
    install()
    if any(cut.deed in ("hang", "freeze") for cut in plan):
        replace(watchdog, "LOOKS", FEWER_LOOKS)
    worker()


if __name__ == "__main__":
    main()
