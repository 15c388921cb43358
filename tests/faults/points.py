"""Named points in a worker's life, and what happens to it there: no sleeping and hoping.

A plan is handed to the worker process in its environment. Nothing of this is in the product: the
wrappers in ``tests.faults.worker`` call :func:`hit`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import aiokafka.errors
import orjson
import redis.exceptions

VARIABLE = "EBBLINE_TEST_CUTS"

POINTS: Mapping[str, str] = {
    "claimed": "the partition is fenced, its record not yet read",
    "loaded": "users' values have been read, nothing of the batch is durable",
    "computed": "a commit begins: nothing has been sent",
    "handed": "outputs are in the producer, on their way",
    "answered": "1: the broker has outputs, the worker does not know yet",
    "acknowledged": "1: all outputs are acknowledged, no state is written",
    "slice": "2: between two slices of the state's write",
    "written": "2: the last slice is written, with the partition record",
    "offsets": "3: before the group's commit of offsets",
    "committed": "3: after the group's commit of offsets",
    "sweep": "a slice of a schedule's sweep is durable, more are to come",
    "revoked": "the group takes the partitions away",
}
"""Where a plan may strike. The numbers are the order of effects in the design."""

Deed = Literal["kill", "stop", "raise"]

_ERRORS: Mapping[str, type[Exception]] = {
    error.__name__: error
    for error in (
        aiokafka.errors.KafkaTimeoutError,
        aiokafka.errors.RequestTimedOutError,
        aiokafka.errors.NotLeaderForPartitionError,
        aiokafka.errors.CommitFailedError,
        aiokafka.errors.NodeNotReadyError,
        redis.exceptions.ConnectionError,
        redis.exceptions.TimeoutError,
        redis.exceptions.OutOfMemoryError,
    )
}


@dataclass(frozen=True, slots=True)
class Cut:
    """At the ``nth`` hit of a point: SIGKILL, SIGSTOP, or an error, ``times`` times in a row.

    point "any" counts the hits of all points together. error: name of an error class.
    """

    point: str
    nth: int = 1
    deed: Deed = "kill"
    error: str = ""
    times: int = 1

    def __post_init__(self) -> None:
        assert self.point in POINTS or self.point == "any", self.point
        assert self.deed != "raise" or self.error in _ERRORS, self.error


def as_environment(cuts: Iterable[Cut]) -> dict[str, str]:
    """What a worker process must find in its environment."""
    return {VARIABLE: orjson.dumps([asdict(cut) for cut in cuts]).decode()}


class Knife:
    """Counts hits and does what the plan says."""

    def __init__(self, plan: Iterable[Cut]) -> None:
        self._plan = list(plan)
        self._hits = dict.fromkeys((*POINTS, "any"), 0)

    def hit(self, point: str) -> None:
        """The worker has reached a point. May not return; may raise."""
        self._hits[point] += 1
        self._hits["any"] += 1
        for cut in self._plan:
            if cut.point in (point, "any"):
                count = self._hits[cut.point]
                if cut.nth <= count < cut.nth + cut.times:
                    self._strike(cut, point)

    def _strike(self, cut: Cut, point: str) -> None:
        os.write(sys.stderr.fileno(), f"CUT {cut.deed} at {point}\n".encode())
        if cut.deed == "raise":
            raise _ERRORS[cut.error](f"injected at {point}")
        os.kill(os.getpid(), signal.SIGKILL if cut.deed == "kill" else signal.SIGSTOP)


_knives: list[Knife] = []


def arm(environment: Mapping[str, str]) -> None:
    """Take the plan from the environment; a worker that has restarted itself has had its cut."""
    plan = orjson.loads(environment.get(VARIABLE, "[]"))
    _knives[:] = [Knife(Cut(**cut) for cut in plan)]


def hit(point: str) -> None:
    """The worker has reached a point."""
    for knife in _knives:
        knife.hit(point)
