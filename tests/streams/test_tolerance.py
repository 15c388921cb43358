"""Header names of any bytes: aiokafka's reader, and what is put around it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streams.transport.tolerance import TolerantRecords

NAME = b"abcd"


def batch(first: int, *records: tuple[bytes, list[tuple[str, bytes]]], compression: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10_000,
    )
    for offset, (value, headers) in enumerate(records):
        builder.append(offset, timestamp=5, key=b"k", value=value, headers=headers)
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, first)
    return bytes(made)


def spoiled(data: bytes) -> bytes:
    """The header's name made something that is no text, and the checksum right again."""
    made = bytearray(data.replace(NAME, b"\xff\xfea\xc3"))
    struct.pack_into(">I", made, 17, calc_crc32c(bytes(made[21:])))
    return bytes(made)


def read(records: Any) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    found = []
    while records.has_next():
        one = records.next_batch()
        assert one.validate_crc()
        found += [(r.offset, bytes(r.value), [(n, bytes(v)) for n, v in r.headers]) for r in one]
    return found


@pytest.mark.parametrize("compression", [0, 1])
def test_good_batches_are_read_as_ever(compression: int) -> None:
    data = batch(7, (b"a", []), (b"b", [("é", b"x")]), compression=compression)
    assert read(TolerantRecords(data * 2)) == read(MemoryRecords(data * 2))


def test_a_name_that_is_no_text_stops_nobody() -> None:
    good = batch(0, (b"a", []), compression=0)
    bad = spoiled(batch(1, (b"b", [(NAME.decode(), b"x")]), (b"c", []), compression=0))
    data = good + bad + batch(3, (b"d", []), compression=1)
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords(data))
    shown = [(r"\xff\xfea\xc3", b"x")]
    assert read(TolerantRecords(data)) == [
        (0, b"a", []),
        (1, b"b", shown),
        (2, b"c", []),
        (3, b"d", []),
    ]


def test_a_batch_that_was_cut_off_waits() -> None:
    data = batch(0, (b"a", []), compression=0)
    assert read(TolerantRecords(data + data[:-1])) == [(0, b"a", [])]
