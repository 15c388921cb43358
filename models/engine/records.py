"""Records of one partition as columns: a decoded chunk of a topic, and several merged in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.engine.columns import concat_batches, slice_batch
from models.grid import Int
from models.spec import SourceSpec
from schemas.events import EventBatch, decode_batch
from schemas.rekeying import Origins, join_origins, own_headers, read_origins


class Record(Protocol):
    """A record as a Kafka client hands it over. timestamp: milliseconds since the epoch."""

    @property
    def offset(self) -> int:
        """Offset in its topic partition."""

    @property
    def timestamp(self) -> int:
        """Record timestamp, milliseconds."""

    @property
    def key(self) -> bytes | None:
        """Raw key."""

    @property
    def value(self) -> bytes | None:
        """Raw value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Raw headers."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """n records of one source's topic partition, decoded, in offset order.

    offsets, arrivals: int64[n]. arrivals never fall: they are the running maximum of the record
    timestamps, never later than the wall clock. origins: of a rekeyed source's records, None for
    others.
    """

    raws: Sequence[Record]
    offsets: Int
    arrivals: Int
    batch: EventBatch
    origins: Origins | None = None

    def __len__(self) -> int:
        """Number of records."""
        return len(self.raws)

    def place(self, i: int, partition: int) -> tuple[int, int]:
        """Partition and offset in the source's topic. partition: that the chunk was read from."""
        numbers, offsets = self.places(np.array([i]), partition)
        return int(numbers[0]), int(offsets[0])

    def places(self, index: Int, partition: int) -> tuple[Int, Int]:
        """Partitions and offsets of records, int64[n]; see :meth:`place`."""
        if self.origins is None:
            return np.full(len(index), partition), self.offsets[index]
        copied = self.origins.partitions[index] >= 0
        numbers = np.where(copied, self.origins.partitions[index], partition)
        return numbers, np.where(copied, self.origins.offsets[index], self.offsets[index])

    def part(self, start: int, stop: int) -> Chunk:
        """Records ``start <= i < stop``."""
        if start == 0 and stop == len(self):
            return self
        return Chunk(
            self.raws[start:stop],
            self.offsets[start:stop],
            self.arrivals[start:stop],
            slice_batch(self.batch, start, stop),
            self.origins and self.origins.part(start, stop),
        )


def make_chunk(source: SourceSpec, raws: Sequence[Record], arrived: int, now: int) -> Chunk:
    """Decode records. arrived: newest arrival time before them. now: the wall clock."""
    n = len(raws)
    offsets = np.fromiter((raw.offset for raw in raws), dtype=np.int64, count=n)
    stamps = np.fromiter((raw.timestamp for raw in raws), dtype=np.int64, count=n) * 1000
    arrivals = np.maximum.accumulate(np.maximum(np.minimum(stamps, now), arrived))
    values = [raw.value for raw in raws]
    headers = [raw.headers for raw in raws]
    if source.rekeyed_topic is None:
        return Chunk(raws, offsets, arrivals, decode_batch(source.mapping, values, headers))
    batch = decode_batch(source.mapping, values, [own_headers(h) for h in headers])
    return Chunk(raws, offsets, arrivals, batch, read_origins(headers))


def join_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of several that follow each other."""
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        [raw for chunk in chunks for raw in chunk.raws],
        np.concatenate([chunk.offsets for chunk in chunks]),
        np.concatenate([chunk.arrivals for chunk in chunks]),
        concat_batches([chunk.batch for chunk in chunks]),
        join_origins([chunk.origins for chunk in chunks if chunk.origins is not None]),
    )


@dataclass(frozen=True, slots=True)
class Merged:
    """Records of all sources of a partition in time order.

    arrivals: int64[n], of every record in merged order. parts: for each source its records,
    None where it has none. places: for each source int64[m], where its records stand in the
    merged order.
    """

    arrivals: Int
    parts: tuple[Chunk | None, ...]
    places: tuple[Int, ...]

    def __len__(self) -> int:
        """Number of records."""
        return len(self.arrivals)
