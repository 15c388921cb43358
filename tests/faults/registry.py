"""All faults by name: what tests run small, and the campaign runs long.

A fault is a function that gets a :class:`Stage` and returns what came of a deployment's life under
it. To add one::

    @fault("Redis: out of memory for a while")
    def out_of_memory(stage: Stage) -> Result:
        with LocalRedis(stage.folder / "redis") as redis, stage.life(redis_url=redis.url) as life:
            life.feed(0.5)                       # half of the history
            worker = life.work(Cut("slice", 2))  # a worker process, perhaps told to die there
            assert life.struck(worker)
            life.strikes += 1                    # where no cut counts it
            return life.finish()                 # the rest, a healthy end, and the judgement

and import its module in :mod:`tests.faults.catalogue`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.faults.life import Life, Result

Kind = Literal["kill", "rebalance", "other"]


@dataclass
class Stage:
    """Where a fault is played: services, a folder for logs, chance.

    many: how many strikes one life may bring where a fault can strike often.
    away: for how many seconds a service that goes away stays away.
    """

    servers: str
    redis_url: str
    folder: Path
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    many: int = 3
    away: float = 8.0

    def life(self, **changes: Any) -> Life:
        """A deployment of its own, not yet begun. changes: fields of Life."""
        settings = {"servers": self.servers, "redis_url": self.redis_url} | changes
        name = f"fault-{uuid.uuid4().hex[:8]}"
        return Life(name, self.folder, seed=self.rng.randrange(10**6), **settings)


Strike = Callable[[Stage], Result]


@dataclass(frozen=True, slots=True)
class Fault:
    """A registered fault. kind: whether its strikes count as kills or rebalances."""

    name: str
    strike: Strike
    kind: Kind = "other"


FAULTS: dict[str, Fault] = {}


def fault(name: str, kind: Kind = "other") -> Callable[[Strike], Strike]:
    """Register a fault by the name that the table shows."""

    def register(strike: Strike) -> Strike:
        assert name not in FAULTS, f"two faults are called {name!r}"
        FAULTS[name] = Fault(name, strike, kind)
        return strike

    return register
