r"""Header names that are not UTF-8: read, instead of stopping their partition for good.

Kafka's protocol calls a header's name a string, and brokers take any bytes. aiokafka decodes
strictly: one record of a careless (or malicious) producer would end every consumer that comes to
it, again after each restart. Batches that cannot be read so are read once more, by aiokafka's own
Python code, with ``\xff`` for what is no text; such a record is then judged like any other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, SupportsIndex, overload

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_HEAD = struct.Struct(">qi")
"""A batch begins with its base offset and the length of what follows."""


class TolerantRecords:
    """aiokafka's MemoryRecords, whose batches can be read whatever their header names are."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._records = MemoryRecords(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        """Length of the data."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether there is another whole batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> _Batch | None:
        """The next batch."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        start = self._at
        self._at += _HEAD.size + _HEAD.unpack_from(self._data, start)[1]
        return _Batch(batch, self._data[start : self._at])


class _Batch:
    """A batch as aiokafka reads it, or else as the tolerant reader does."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return iter(_TolerantBatch(self._data))


class _TolerantBatch(_DefaultRecordBatchPy):
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Text(self._buffer)


class _Text(bytearray):
    """Bytes whose slices decode whatever they are."""

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> _Text: ...
    def __getitem__(self, key: SupportsIndex | slice) -> int | _Text:
        found = super().__getitem__(key)
        return _Text(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "") -> str:  # noqa: ARG002  # ours wins
        return bytes(self).decode(encoding, "backslashreplace")


def install() -> None:
    """Have all consumers of this process read so."""
    fetcher.MemoryRecords = TolerantRecords
