"""Who is compared, how each is started, and on how much of the job."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Inputs = Literal["three topics", "one merged topic"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the programs that do the job.

    module: what is run. title: for the table. inputs: see docs/decisions/012. users, quick_users:
    how many of the job's users it gets (None = all): a slow one gets few, with all of their
    events. scores: whether it scores, or only reads. own_environment: whether it runs in the
    peers' environment.
    """

    name: str
    title: str
    module: str
    inputs: Inputs
    users: int | None = None
    quick_users: int | None = None
    scores: bool = True
    own_environment: bool = False

    def command(self, peers_python: Path) -> list[str]:
        """The command line, without the path of the settings."""
        python = str(peers_python) if self.own_environment else sys.executable
        return [python, "-m", self.module]

    def share(self, users: int, *, quick: bool) -> int:
        """How many users it gets of ``users``."""
        wanted = self.quick_users if quick else self.users
        return users if wanted is None else min(users, wanted)


CONTENDERS = (
    Contender("ebbline", "Ebbline", "bench.contenders.ebbline", "three topics"),
    Contender(
        *("faust", "Faust, plain agent", "bench.peers.faust_plain", "one merged topic"),
        users=30,
        quick_users=10,
    ),
    Contender(
        *("quix", "Quix Streams", "bench.peers.quix", "one merged topic"),
        users=120,
        quick_users=40,
        own_environment=True,
    ),
    Contender(
        *("bytewax", "Bytewax", "bench.peers.bytewax_flow", "one merged topic"),
        users=300,
        quick_users=100,
        own_environment=True,
    ),
    Contender(
        *("ceiling", "batch hand-over + orjson", "bench.contenders.ceiling", "three topics"),
        scores=False,
    ),
    Contender(
        *("aiokafka", "bare aiokafka + orjson", "bench.contenders.bare", "three topics"),
        scores=False,
    ),
)
