"""What becomes of each record of a topic that is rekeyed: its partition, key and headers. Pure.

An event goes where murmur2 of its user's id says. A heartbeat goes to every partition. A record
whose user cannot be read goes where its original partition's number says, so that the scoring
role finds it, says what is wrong with it, and keeps it as it keeps any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from models.engine.records import Chunk, Merged, Record
from models.spec import SourceSpec
from schemas.events import decode_users
from schemas.murmur2 import partition_of
from schemas.rekeying import Headers, copy_headers, heartbeat_headers

KNOWN_USERS = 200_000
"""Users whose partition is remembered: murmur2 in Python takes longer than all the rest."""


class Copy(NamedTuple):
    """A record to append. timestamp: milliseconds."""

    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def read_chunk(source: SourceSpec, raws: Sequence[Record], arrived: int, now: int) -> Chunk:
    """Read users and heartbeats of fetched records, and nothing else of them.

    arrived: newest arrival time before them in their partition. now: the wall clock, µs.
    """
    n = len(raws)
    offsets = np.fromiter((raw.offset for raw in raws), dtype=np.int64, count=n)
    stamps = np.fromiter((raw.timestamp for raw in raws), dtype=np.int64, count=n) * 1000
    arrivals = np.maximum.accumulate(np.maximum(np.minimum(stamps, now), arrived))
    values, headers = [raw.value for raw in raws], [raw.headers for raw in raws]
    return Chunk(raws, offsets, arrivals, decode_users(source.mapping, values, headers))


class Router:
    """Makes the copies of one source's records.

    originals, partitions: numbers of partitions of the original and of the internal topic.
    """

    def __init__(self, source: SourceSpec, originals: int, partitions: int) -> None:
        self._topic = source.topic
        self._originals = originals
        self._partitions = partitions
        self._home = lru_cache(maxsize=KNOWN_USERS)(self._find_home)

    def route(self, merged: Merged, now: int) -> list[list[Copy]]:
        """Copies for each internal partition, in merged order. now: the wall clock, µs.

        Timestamps stay, but for those that no broker would take: before 1970, or in the future
        (arrival is never later than the wall clock anyway).
        """
        into: list[list[Copy]] = [[] for _ in range(self._partitions)]
        latest = now // 1000
        for lane, chunk, i in _in_order(merged):
            raw, user = chunk.raws[i], chunk.batch.users[i]
            timestamp = min(max(raw.timestamp, 0), latest)
            if user is not None:
                key, home = self._home(user)
                headers = copy_headers(raw.headers, self._topic, lane, raw.offset)
                into[home].append(Copy(timestamp, key, raw.value, headers))
            elif chunk.batch.heartbeat[i]:
                headers = heartbeat_headers(
                    raw.headers, self._topic, lane, raw.offset, self._originals
                )
                for copies in into:
                    copies.append(Copy(timestamp, raw.key, raw.value, headers))
            else:
                headers = copy_headers(raw.headers, self._topic, lane, raw.offset)
                home = lane % self._partitions
                into[home].append(Copy(timestamp, raw.key, raw.value, headers))
        return into

    def _find_home(self, user: str) -> tuple[bytes, int]:
        key = user.encode()
        return key, partition_of(key, self._partitions)


def _in_order(merged: Merged) -> list[tuple[int, Chunk, int]]:
    """Lane (original partition), chunk and index of every record."""
    ordered: list[tuple[int, Chunk, int] | None] = [None] * len(merged)
    for lane, (chunk, places) in enumerate(zip(merged.parts, merged.places, strict=True)):
        if chunk is not None:
            for i, place in enumerate(places.tolist()):
                ordered[place] = (lane, chunk, i)
    return [entry for entry in ordered if entry is not None]
