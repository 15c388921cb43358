"""Would the tests notice? The product with one guard taken out, and the fault that finds it.

``python -m tests.faults.mutants`` plays faults against each mutant until one finds something, and
puts the list into docs/reliability.md. Run without a mutant first: a fault that finds something
in the product itself proves nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

VARIABLE = "EBBLINE_TEST_MUTANT"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard taken out. apply: changes the product in a worker process. faults: by name."""

    name: str
    apply: Callable[[], None]
    faults: tuple[str, ...]


MUTANTS: dict[str, Mutant] = {}

EACH_STEP = "kill -9 at each numbered step of the order of effects"
SLICES = "kill -9 between the slices of one batch"
OFFSETS = "kill -9 around the commit of offsets"
PAUSED = "SIGSTOP in the middle of a write, past the session, then SIGCONT"


def mutant(name: str, *faults: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a mutant with the faults that should find it."""

    def register(apply: Callable[[], None]) -> Callable[[], None]:
        MUTANTS[name] = Mutant(name, apply, faults)
        return apply

    return register


@mutant("the fence is not compared before a write", PAUSED)
def without_fence() -> None:
    from streams.state import store
    from streams.state.scripts import WRITE

    guard = "if fence[1] ~= ARGV[1] then"
    assert guard in WRITE
    _replace(store, "WRITE", WRITE.replace(guard, "if false then"))


@mutant("offsets are committed when records are read, before their outputs", OFFSETS, EACH_STEP)
def offsets_first() -> None:
    from streams.scoring.partition import Partition

    _replace(Partition, "durable", property(lambda self: list(self.expected)))


@mutant("state is written before the outputs are sent", EACH_STEP)
def state_first() -> None:
    from streams.scoring.partition import Partition

    async def commit(self: Any, request: Any) -> None:
        effects = request.effects
        await self._store.write(effects)
        await self._outputs.send(effects.outputs)
        self._durable = [offset + 1 for offset in effects.applied]

    _replace(Partition, "_commit", commit)


@mutant("acknowledgements of outputs are not awaited", EACH_STEP)
def unacknowledged() -> None:
    from streams.outputs import Outputs

    send, tasks = Outputs.send, set[Any]()

    async def later(self: Any, outputs: Any) -> None:
        tasks.add(asyncio.create_task(_after(0.3, send, self, outputs)))

    _replace(Outputs, "send", later)


async def _after(seconds: float, call: Any, *arguments: Any) -> None:
    await asyncio.sleep(seconds)
    await call(*arguments)


@mutant("the partition's applied offsets are forgotten", EACH_STEP)
def forgotten_partition_offset() -> None:
    from models.engine.state import PartitionState

    decode = PartitionState.decode

    def forgetful(value: bytes) -> PartitionState:
        state = decode(value)
        for source in state.sources:
            source.applied = -1
        return state

    _replace(PartitionState, "decode", staticmethod(forgetful))


@mutant("a user's applied offsets are forgotten", SLICES)
def forgotten_user_offset() -> None:
    from models.engine import engine

    collect = vars(engine)["collect"]

    def forgetful(slab: Any, *arguments: Any) -> Any:
        slab.offsets[:] = -1
        return collect(slab, *arguments)

    _replace(engine, "collect", forgetful)


@mutant("the partition record is written with the first slice", SLICES)
def record_first() -> None:
    from streams.state import store

    slices = store._slices

    def early(effects: Any) -> Iterator[list[Any]]:
        found = list(slices(effects))
        record = found[-1][-1]
        for arguments in found:
            arguments[-1] = b""
        found[0][-1] = record
        yield from found

    _replace(store, "_slices", early)


@mutant("the ids of scores are made by chance", EACH_STEP)
def random_ids() -> None:
    from models.engine import scoring

    make = vars(scoring)["stable_ids"]
    _replace(scoring, "stable_ids", lambda app, rest: make(f"{app}{random.random()}", rest))


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def registered() -> dict[str, Mutant]:
    """All of them by name; asked of ``guards``, for this module may run as __main__."""
    from tests.faults import guards

    return guards.MUTANTS


def mutate() -> None:
    """In a worker process: become the mutant that the environment names, if any."""
    name = os.environ.get(VARIABLE)
    if name:
        registered()[name].apply()


def hunt(one: Mutant | None, names: tuple[str, ...], servers: str, redis_url: str) -> str | None:
    """Play faults against a mutant; what found it, None if nothing did."""
    from tests.faults.catalogue import FAULTS, Stage

    os.environ[VARIABLE] = one.name if one is not None else ""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(servers, redis_url, Path(folder))
            try:
                verdict = FAULTS[name].strike(stage).verdict
            except Exception as error:  # noqa: BLE001  # a life that breaks off has found it
                return f"{name}: breaks off ({str(error).splitlines()[0][:80]})"
            if not verdict.clean:
                kinds = ("lost", "counted_twice", "unrecognisable")
                found = {kind: len(getattr(verdict, kind)) for kind in kinds}
                told = ", ".join(f"{n} {k.replace('_', ' ')}" for k, n in found.items() if n)
                return f"{name}: {told}"
    return None


@click.command(help=__doc__)
@click.option("--only", default="", help="Mutants whose name contains this text.")
@click.option("--control/--no-control", default=True, help="The product itself first.")
def main(only: str, *, control: bool) -> None:
    from streams.embedded import resolve_services
    from tests.faults.table import put

    chosen = [one for one in registered().values() if only in one.name]
    lines = ["| mutant | caught by |", "|---|---|"]
    escaped = 0
    with resolve_services() as services:
        where = (services.bootstrap_servers, services.redis_url)
        if control:
            names = tuple(dict.fromkeys(name for one in chosen for name in one.faults))
            found = hunt(None, names, *where)
            assert found is None, f"the product itself: {found}"
            click.echo("the product itself: nothing found")
        for one in chosen:
            found = hunt(one, one.faults, *where)
            escaped += found is None
            lines.append(f"| {one.name} | {found or '**not caught**'} |")
            click.echo(lines[-1])
    if not only:
        put("mutants", "\n".join(lines))
    sys.exit(escaped)


if __name__ == "__main__":
    main()
