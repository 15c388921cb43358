"""Sorting and merging give one order: (arrival, stream, position), however it is cut up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.publish.chunks import Chunk, chunk_of, concat
from streams.publish.merge import merge
from streams.publish.runs import SortedRuns

ARRIVALS = st.lists(st.integers(0, 6), max_size=30)


def cut(arrivals: list[int], source: int, size: int, start: int = 0) -> Iterator[Chunk]:
    """Chunks of ``size`` records whose value tells source and position."""
    for at in range(0, len(arrivals), size):
        part = arrivals[at : at + size]
        names = [f"{source}:{start + at + i}".encode() for i in range(len(part))]
        yield chunk_of(source, np.array(part, dtype=np.int64), [b"k" + n for n in names], names)


def flat(chunks: Iterator[Chunk] | list[Chunk]) -> list[tuple[int, int, bytes | None, bytes]]:
    return [
        row
        for c in chunks
        for row in zip(c.arrivals.tolist(), c.sources.tolist(), c.keys, c.values, strict=True)
    ]


@given(st.lists(ARRIVALS, max_size=4), st.integers(1, 7))
def test_merging_equals_sorting_everything(streams: list[list[int]], size: int) -> None:
    ordered = [sorted(arrivals) for arrivals in streams]
    merged = flat(merge([cut(a, n, size) for n, a in enumerate(ordered)]))
    everything = [row for n, a in enumerate(ordered) for row in flat(cut(a, n, size))]
    assert merged == sorted(everything, key=lambda row: row[0])


@given(ARRIVALS, st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_runs_give_back_everything_stably_sorted(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[int], size: int, run: int, block: int
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    runs = SortedRuns(folder, run=run, block=block)
    runs.extend(cut(arrivals, 3, size))
    whole = flat(cut(arrivals, 3, size))
    assert flat(runs.stream()) == sorted(whole, key=lambda row: row[0])
    assert runs.records == len(arrivals)
    assert runs.range == ((min(arrivals), max(arrivals)) if arrivals else None)


def test_what_fits_into_one_run_never_leaves_memory(tmp_path: Path) -> None:
    runs = SortedRuns(tmp_path, run=10)
    runs.extend(cut([3, 1, 2], 0, 2))
    assert [row[0] for row in flat(runs.stream())] == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


def test_a_block_on_disk_keeps_every_byte(tmp_path: Path) -> None:
    runs = SortedRuns(tmp_path, run=1, block=2)
    values = [b"", b"\x00\xff", "ü".encode(), b"x" * 5000]
    arrivals = np.array([2**60, -5, 0, 7])
    for i, value in enumerate(values):
        runs.add(chunk_of(9, arrivals[i : i + 1], [b"key%d" % i], [value]))
    assert list(tmp_path.iterdir())
    got = concat(list(runs.stream()))
    assert got.arrivals.tolist() == [-5, 0, 7, 2**60]
    assert got.values == [values[1], values[2], values[3], values[0]]
    assert got.keys == [b"key1", b"key2", b"key3", b"key0"]
    assert got.sources.tolist() == [9, 9, 9, 9]


def test_heartbeat_streams_come_behind_rows_of_the_same_time() -> None:
    rows = cut([1, 2, 2, 3], 0, 1)
    beats = iter([chunk_of(0, np.array([2, 3]), [None, None], [b"beat", b"beat"])])
    values = [row[3] for row in flat(merge([rows, beats]))]
    assert values == [b"0:0", b"0:1", b"0:2", b"beat", b"0:3", b"beat"]
