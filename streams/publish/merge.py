"""Many sorted streams into one, in bounded memory, whole arrays at a time.

The order is (arrival, number of the stream, position in the stream). One block of each stream
is held. What lies before the earliest end of the blocks in that order can go out: no later
block can bring anything that belongs before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from streams.publish.chunks import Chunk, concat


def merge(streams: Sequence[Iterator[Chunk]]) -> Iterator[Chunk]:
    """Merge streams of chunks, each sorted by arrival within and across its chunks."""
    heads = [head for stream in streams if (head := _Head(stream)).advance()]
    while heads:
        safe, last = min((int(head.block.arrivals[-1]), i) for i, head in enumerate(heads))
        parts = [head.take(safe, ties=i <= last) for i, head in enumerate(heads)]
        yield concat([part for part in parts if len(part)]).sorted()
        heads = [head for head in heads if head.filled()]


class _Head:
    """The part of a stream that has been read and not yet gone out."""

    def __init__(self, stream: Iterator[Chunk]) -> None:
        self._stream = stream
        self.block: Chunk

    def advance(self) -> bool:
        """Read the next block that has anything in it; False at the end."""
        for block in self._stream:
            if len(block):
                self.block = block
                return True
        return False

    def filled(self) -> bool:
        """Whether there is something left, after reading on where needed."""
        return len(self.block) > 0 or self.advance()

    def take(self, safe: int, *, ties: bool) -> Chunk:
        """Take out what arrives before ``safe`` (with ``ties``: or then)."""
        end = int(np.searchsorted(self.block.arrivals, safe, side="right" if ties else "left"))
        part, self.block = self.block[:end], self.block[end:]
        return part
