"""Copies of records: where a record of an internal, rekeyed topic first stood.

A source whose topic is not keyed by user is copied to a topic that is. Each copy carries the
original's position in its LAST header, behind the original's own. Heartbeats say something about
their own original partition only, so their copies also say how many of those there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REKEYED_FROM = "ebbline-rekeyed-from"
"""Header of a copy: ``<topic>-<partition>-<offset>`` of the original."""
REKEYED_OF = "ebbline-rekeyed-of"
"""Header of a heartbeat's copy, before the other: how many partitions the original topic has."""
MAX_PARTITIONS = 1_000_000

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Origins:
    """Where n copies first stood.

    partitions, offsets: int64[n] in the original topic; -1 for a record that is no copy (somebody
    wrote it into the internal topic). of: int64[n], how many partitions the original topic has,
    0 where the copy doesn't say (only heartbeats do).
    """

    partitions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    of: NDArray[np.int64]

    def part(self, start: int, stop: int) -> Origins:
        """Records ``start <= i < stop`` (views)."""
        chosen = slice(start, stop)
        return Origins(self.partitions[chosen], self.offsets[chosen], self.of[chosen])


def copy_headers(headers: Headers, topic: str, partition: int, offset: int) -> Headers:
    """Headers of the copy of an event."""
    return [*headers, (REKEYED_FROM, b"%b-%d-%d" % (topic.encode(), partition, offset))]


def heartbeat_headers(
    headers: Headers, topic: str, partition: int, offset: int, partitions: int
) -> Headers:
    """Headers of the copies of a heartbeat. partitions: of the original topic."""
    named = [*headers, (REKEYED_OF, b"%d" % partitions)]
    return copy_headers(named, topic, partition, offset)


def own_headers(headers: Headers) -> Headers:
    """Give back the original's own headers.

    >>> own_headers(copy_headers([("trace", b"a")], "orders", 3, 17))
    [('trace', b'a')]
    """
    if not headers or headers[-1][0] != REKEYED_FROM:
        return headers
    count = 2 if len(headers) > 1 and headers[-2][0] == REKEYED_OF else 1
    return headers[:-count]


def read_origins(headers: Sequence[Headers]) -> Origins:
    """Where the records with these headers first stood."""
    origins = Origins(*np.array([_origin(h) for h in headers], np.int64).reshape(-1, 3).T)
    odd = (origins.partitions >= MAX_PARTITIONS) | (origins.of > MAX_PARTITIONS)
    origins.partitions[odd], origins.offsets[odd], origins.of[odd] = -1, -1, 0
    return origins


def join_origins(parts: Sequence[Origins]) -> Origins | None:
    """One of several that follow each other; None where there are none."""
    if not parts:
        return None
    return Origins(
        np.concatenate([part.partitions for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        np.concatenate([part.of for part in parts]),
    )


_NO_COPY = (-1, -1, 0)


def _origin(headers: Headers) -> tuple[int, int, int]:
    if not headers or headers[-1][0] != REKEYED_FROM:
        return _NO_COPY
    try:
        _, partition, offset = (headers[-1][1] or b"").rsplit(b"-", 2)
        of = headers[-2][1] if len(headers) > 1 and headers[-2][0] == REKEYED_OF else b"0"
        found = int(partition), int(offset), int(of or b"")
    except ValueError:
        return _NO_COPY
    return found if max(found) < 2**63 and min(found) >= 0 else _NO_COPY
