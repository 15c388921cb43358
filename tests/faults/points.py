"""Named points in a worker's life, and what happens to it there: no sleeping and hoping.

A plan is handed to the worker process in its environment. Nothing of this is in the product: the
wrappers in ``tests.faults.worker`` call :func:`hit`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, MutableMapping
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
    "fetch": "records are about to be fetched",
    "pushed": "the agent has fetched records",
    "learned": "trainer 1: an epoch is learned, nothing is kept",
    "put": "trainer 2: the payload is in the snapshot store",
    "fenced": "trainer 3: the fence was found to hold",
    "announced": "trainer 5: the snapshot is announced, nothing is committed",
}
"""Where a plan may strike. The numbers are the order of effects in the design."""

ASIDE = frozenset({"fetch", "pushed", "learned", "put", "fenced", "announced"})
"""Not among the points that "any" stands for: they belong to faults of their own."""

Deed = Literal["kill", "stop", "raise", "hang", "freeze", "rewind"]

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

    Or the coroutine hangs for ever, or the whole event loop freezes, or the wall clock goes back.
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

    def hit(self, point: str) -> bool:
        """The worker has reached a point. May not return; may raise; True: hang."""
        hang = False
        self._hits[point] += 1
        counted = point not in ASIDE
        self._hits["any"] += counted
        for cut in self._plan:
            if cut.point == point or (cut.point == "any" and counted):
                count = self._hits[cut.point]
                if cut.nth <= count < cut.nth + cut.times:
                    self._strike(cut, point)
                    hang |= cut.deed == "hang"
        return hang

    def _strike(self, cut: Cut, point: str) -> None:
        os.write(sys.stderr.fileno(), f"CUT {cut.deed} at {point}\n".encode())
        if cut.deed == "raise":
            raise _ERRORS[cut.error](f"injected at {point}")
        if cut.deed == "freeze":
            time.sleep(1_000_000)
        if cut.deed == "rewind":
            clock.behind += REWOUND
        if cut.deed in _SIGNALS:
            os.kill(os.getpid(), _SIGNALS[cut.deed])


_SIGNALS: Mapping[str, int] = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
REWOUND = 2 * 3600
"""Seconds that the wall clock goes back at once."""


class Clock:
    """The wall clock of the process. behind: seconds that it has gone back."""

    def __init__(self) -> None:
        self.behind = 0
        self._time, self._time_ns = time.time, time.time_ns

    def time(self) -> float:
        """As time.time."""
        return self._time() - self.behind

    def time_ns(self) -> int:
        """As time.time_ns."""
        return self._time_ns() - self.behind * 1_000_000_000


clock = Clock()
_knives: list[Knife] = []


def arm(environment: MutableMapping[str, str]) -> list[Cut]:
    """Take the plan from the environment; a worker that has restarted itself has had its cut."""
    plan = [Cut(**cut) for cut in orjson.loads(environment.pop(VARIABLE, "[]"))]
    _knives[:] = [Knife(plan)]
    return plan


def hit(point: str) -> bool:
    """The worker has reached a point; True: it must hang there."""
    hangs = [knife.hit(point) for knife in _knives]
    return any(hangs)
