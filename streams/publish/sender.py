"""Records onto the broker: in order for each partition, whole batches at a time.

kafka-python's producer sent 18,000 rows a second here, aiokafka's batch interface 300,000: its
records are encoded in C. Order within a partition is kept by the idempotent producer; between
partitions a block is acknowledged as a whole before the next one is begun.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from models.spec import SourceSpec
from schemas.murmur2 import partition_of
from streams.connections import Connections
from streams.publish.chunks import Chunk
from streams.publish.heartbeats import heartbeat_headers

BATCH_BYTES = 512 * 1024
LARGEST_REQUEST = 16 * 1024 * 1024
PACE_SECONDS = 0.05
KEYS_REMEMBERED = 1_000_000


def producer(connections: Connections, compression: str | None) -> AIOKafkaProducer:
    """Make the producer: idempotent, every replica acknowledges."""
    return AIOKafkaProducer(
        **connections.aiokafka(),
        acks="all",
        enable_idempotence=True,
        compression_type=compression,
        max_batch_size=BATCH_BYTES,
        max_request_size=LARGEST_REQUEST,
    )


class Sender:
    """Puts chunks on the topics of ``sources``, which have ``partitions`` partitions each."""

    def __init__(
        self, client: AIOKafkaProducer, sources: tuple[SourceSpec, ...], partitions: list[int]
    ) -> None:
        self._client = client
        self._sources = sources
        self._partitions = partitions
        self._headers = [heartbeat_headers(source.mapping) for source in sources]
        self._open: dict[tuple[int, int], BatchBuilder] = {}
        self._sent: list[asyncio.Future[Any]] = []
        self._partition = lru_cache(KEYS_REMEMBERED)(partition_of)

    async def send(self, chunk: Chunk) -> tuple[Counter[str], Counter[str]]:
        """Send and await every acknowledgement; rows and heartbeats sent, by source."""
        rows: Counter[int] = Counter()
        beats: Counter[int] = Counter()
        columns = (chunk.sources.tolist(), chunk.arrivals.tolist(), chunk.keys, chunk.values)
        for source, time, key, value in zip(*columns, strict=True):
            if key is None:
                await self._beat(source, time, value)
                beats[source] += self._partitions[source]
            else:
                partition = self._partition(key, self._partitions[source])
                await self._append(source, partition, time, key, value, [])
                rows[source] += 1
        await self.flush()
        return self._named(rows), self._named(beats)

    async def flush(self) -> None:
        """Send the open batches and await what is under way."""
        for where in list(self._open):
            await self._submit(where)
        await asyncio.gather(*self._sent)
        self._sent.clear()

    async def _beat(self, source: int, time: int, value: bytes) -> None:
        for partition in range(self._partitions[source]):
            await self._append(source, partition, time, None, value, self._headers[source])

    async def _append(
        self,
        source: int,
        partition: int,
        time: int,
        key: bytes | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
    ) -> None:
        where = (source, partition)
        batch = self._open.get(where)
        if batch is None:
            batch = self._open[where] = self._client.create_batch()
        if batch.append(timestamp=time, key=key, value=value, headers=headers) is None:
            await self._submit(where)
            batch = self._open[where] = self._client.create_batch()
            batch.append(timestamp=time, key=key, value=value, headers=headers)

    async def _submit(self, where: tuple[int, int]) -> None:
        batch = self._open.pop(where)
        batch.close()
        topic = self._sources[where[0]].topic
        self._sent.append(await self._client.send_batch(batch, topic, partition=where[1]))

    def _named(self, counts: Counter[int]) -> Counter[str]:
        return Counter({self._sources[n].name: count for n, count in counts.items()})


async def paced(chunks: Iterator[Chunk], speed: float | None) -> AsyncIterator[Chunk]:
    """Hand out chunks when they are due: arrival time runs ``speed`` times as fast as ours."""
    if speed is None:
        for chunk in chunks:
            yield chunk
        return
    clock = asyncio.get_running_loop().time
    began, origin = clock(), None
    for chunk in chunks:
        for part in slices(chunk, max(1, int(speed * PACE_SECONDS * 1000))):
            first = int(part.arrivals[0])
            origin = first if origin is None else origin
            await asyncio.sleep(max(0.0, began + (first - origin) / 1000 / speed - clock()))
            yield part


def slices(chunk: Chunk, width: int) -> Iterator[Chunk]:
    """Cut a sorted chunk where its arrivals (ms) pass multiples of ``width``."""
    bins = chunk.arrivals // width
    edges = [0, *(np.flatnonzero(np.diff(bins)) + 1).tolist(), len(chunk)]
    for start, end in pairwise(edges):
        if end > start:
            yield chunk[start:end]
