"""Sorting more records than fit into memory: sorted runs in temporary files, merged again.

Recorded events are rarely quite in order, and a file tells only at its end whether it was. So
records are gathered into runs; a second run sends the first one to disk. Whatever fits into one
run never leaves memory.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streams.publish.chunks import Chunk, chunk_of, concat
from streams.publish.merge import merge

RUN_RECORDS = 250_000
BLOCK_RECORDS = 5_000
_HEADER = struct.Struct("<qqq")


class SortedRuns:
    """Takes one source's chunks in any order, gives them back by arrival, equal ones as given.

    Memory: ``run`` records while taking, ``block`` records for each run while giving back.
    """

    def __init__(self, folder: Path, run: int = RUN_RECORDS, block: int = BLOCK_RECORDS) -> None:
        self._folder, self._run, self._block = folder, run, block
        self._pending: list[Chunk] = []
        self._held = 0
        self._files: list[Path] = []
        self.records = 0
        self.first: int | None = None
        self.last: int | None = None

    @property
    def range(self) -> tuple[int, int] | None:
        """First and last arrival; None while empty."""
        return None if self.first is None or self.last is None else (self.first, self.last)

    def extend(self, chunks: Iterable[Chunk]) -> None:
        """Take chunks."""
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: Chunk) -> None:
        """Take a chunk; a full run goes to disk when the next chunk comes."""
        if not len(chunk):
            return
        if self._held >= self._run:
            self._spill()
        self._pending.append(chunk)
        self._held += len(chunk)
        self.records += len(chunk)
        low, high = int(chunk.arrivals.min()), int(chunk.arrivals.max())
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def stream(self) -> Iterator[Chunk]:
        """Give everything back in order of arrival."""
        runs = [_read(path) for path in self._files]
        if self._pending:
            runs.append(_blocks(concat(self._pending).sorted(), self._block))
        return merge(runs)

    def _spill(self) -> None:
        path = self._folder / f"{uuid.uuid4().hex}.run"
        with path.open("xb") as file:
            for block in _blocks(concat(self._pending).sorted(), self._block):
                _write(file, block)
        self._files.append(path)
        self._pending, self._held = [], 0


def _blocks(chunk: Chunk, size: int) -> Iterator[Chunk]:
    for start in range(0, len(chunk), size):
        yield chunk[start : start + size]


def _write(file: BinaryIO, block: Chunk) -> None:
    """Write: count, source, bytes of keys and values; then arrivals, lengths, keys, values."""
    keys = [key or b"" for key in block.keys]
    texts = [*keys, *block.values]
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    body = b"".join(texts)
    file.write(_HEADER.pack(len(block), int(block.sources[0]), len(body)))
    file.write(block.arrivals.tobytes())
    file.write(lengths.tobytes())
    file.write(body)


def _read(path: Path) -> Iterator[Chunk]:
    with path.open("rb") as file:
        while header := file.read(_HEADER.size):
            yield _read_block(file, *_HEADER.unpack(header))


def _read_block(file: BinaryIO, records: int, source: int, size: int) -> Chunk:
    arrivals = np.frombuffer(file.read(8 * records), dtype=np.int64)
    lengths = np.frombuffer(file.read(16 * records), dtype=np.int64)
    body = file.read(size)
    ends = list(accumulate(lengths.tolist()))
    texts = [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return chunk_of(source, arrivals, texts[:records], texts[records:])
