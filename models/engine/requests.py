"""What the engine asks the shell for, and what it hands over.

The engine is a generator: it yields a request, the driver answers with ``send``. So the live
worker, the tests and a backtest drive the same code with different I/O behind it, and the order
of everything that matters is written once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Load:
    """Durable values of users. Answer: list[bytes | None], in this order."""

    users: list[str]


@dataclass(frozen=True, slots=True)
class ScanAtRisk:
    """Users at risk after ``after``, in the index's order (bytes of the name).

    Answer: list[str], at most ``limit``; fewer means that was the end.
    """

    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class ScanPending:
    """Users whose oldest waiting cut is at or before ``until``. Answer: list[str]."""

    until: int
    limit: int


@dataclass(frozen=True, slots=True)
class ScanExpired:
    """Users whose expiry timer is at or before ``until``. Answer: list[str]."""

    until: int
    limit: int


@dataclass(frozen=True, slots=True)
class ModelAt:
    """The newest snapshot with ``valid_from`` at or before ``time``. Answer: Scorer.

    epoch: end of the newest epoch that is in force by then, if this partition has closed it.
    """

    time: int
    epoch: int | None


@dataclass(frozen=True, slots=True)
class Commit:
    """Make effects real, in the fixed order. Answer: None, when they are durable."""

    effects: Effects


@dataclass(frozen=True, slots=True)
class Reread:
    """Records of a source that were applied long ago: after < offset <= until, in offset order.

    Answer: Kept, with as many as are convenient.
    """

    source: int
    after: int
    until: int


class Kept(NamedTuple):
    """Records that a topic still holds, none when there are no more; first: where it begins."""

    first: int
    records: Sequence[Any]


Request = Load | ScanAtRisk | ScanPending | ScanExpired | ModelAt | Reread | Commit

Run = Generator[Request, Any, None]
"""Work of the engine: yields requests, is sent their answers."""


class Output(NamedTuple):
    """A record to send. topic: scores, sources, deadletter, examples (a role, not a name)."""

    topic: str
    key: bytes
    value: bytes


@dataclass(slots=True)
class Effects:
    """All that one commit changes.

    outputs go out and are acknowledged first; then the rest is written, fenced: values of users
    (None = delete), their places in the indexes (at risk: in or out; oldest waiting cut, expiry
    timer: a time, or None = out) and the partition record. A write in several parts begins with
    the record ``begun``: nothing is applied yet, but what will be is counted.
    """

    outputs: list[Output] = field(default_factory=list)
    users: dict[str, bytes | None] = field(default_factory=dict)
    at_risk: dict[str, bool] = field(default_factory=dict)
    pending: dict[str, int | None] = field(default_factory=dict)
    expiry: dict[str, int | None] = field(default_factory=dict)
    partition: bytes = b""
    begun: bytes = b""
    applied: tuple[int, ...] = ()
