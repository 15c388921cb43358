"""Blocks of the pool: nobody's panes are lost or mixed up, however they grow, move and leave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features import pool as pools
from models.features.pool import NARROW, Pool, block_size
from models.features.ragged import spread
from tests.models.engine.histories import examples

ROWS = 6


def empty_pool() -> Pool:
    made = Pool(np.empty(0, np.int32), np.empty((0, 1), np.uint16), np.empty((0, 2)))
    made.grow(ROWS)
    return made


def fill(pool: Pool, row: int, content: list[int]) -> None:
    rows, lengths = np.array([row]), np.array([len(content)])
    pool.resize(rows, lengths)
    pool.used[rows] = lengths
    place = spread(pool.start[rows].astype(np.int64), lengths)
    pool.ids[place], pool.counts[place, 0] = content, content
    pool.numbers[place] = np.array(content, dtype=float)[:, None]


def held(pool: Pool, row: int) -> list[int]:
    entries, _ = pool.entries(np.array([row]))
    assert pool.counts[entries, 0].tolist() == pool.ids[entries].tolist()
    assert (pool.numbers[entries] == pool.ids[entries][:, None]).all()
    found: list[int] = pool.ids[entries].tolist()
    return found


@examples(60)
@given(st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, 40)), max_size=60))
def test_blocks_keep_what_is_put_into_them(steps: list[tuple[int, int]]) -> None:
    pool, wanted = empty_pool(), dict[int, list[int]]()
    for number, (row, length) in enumerate(steps):
        wanted[row] = [number % 1000] * length
        if length:
            fill(pool, row, wanted[row])
        else:
            pool.release(np.array([row]))
        assert {r: held(pool, r) for r in wanted} == wanted
    in_use = int(pool.room.sum())
    assert pool.top == in_use + pool.idle
    assert pool.idle == sum(size * len(starts) for size, starts in pool.free.items())


def test_a_pool_whose_users_all_grow_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_MOVED_AT_ONCE", 7)
    pool = Pool(np.empty(0, np.int32), np.empty((0, 1), np.uint16), np.empty((0, 2)))
    pool.grow(150)
    for length in range(1, 41):
        for row in range(150):
            fill(pool, row, [row] * length)
    assert all(held(pool, row) == [row] * 40 for row in range(150))
    assert len(pool.ids) < 150 * 40 * 1.3


def test_a_block_has_little_to_spare() -> None:
    entries = np.arange(1, 100)
    sizes = block_size(entries)
    assert (sizes >= entries).all()
    assert (sizes - entries).max() < 2
    assert len(set(sizes.tolist())) < 55


def test_counts_outgrow_16_bits_without_a_trace() -> None:
    pool = empty_pool()
    fill(pool, 0, [1])
    fill(pool, 1, [7, 9])
    (first,), (second, _) = (pool.entries(np.array([r]))[0].tolist() for r in (0, 1))
    pool.counts[first, 0] = NARROW - 3
    for _ in range(2):
        pool.count(np.array([first, second, first]), 0)
    assert pool.counts[[first, second], 0].tolist() == [NARROW + 1, 9]
    assert pool.counts.dtype == np.uint32


def test_many_events_of_many_users_need_no_wider_counts() -> None:
    pool = empty_pool()
    fill(pool, 0, [0] * 40)
    entries, _ = pool.entries(np.array([0]))
    pool.count(np.tile(entries, 2000), 0)
    assert pool.counts[entries, 0].tolist() == [2000] * 40
    assert pool.counts.dtype == np.uint16
