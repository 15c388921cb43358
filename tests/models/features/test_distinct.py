"""Distinct counts: exact while small, close beyond, a union in any order."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.distinct import DistinctRings, K, Sketches, estimate, hash_numbers
from schemas.events import hash_text
from tests.models.engine.histories import examples

adds = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 2**64 - 1)), max_size=200
)
small = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 99)), max_size=60)
windows = st.tuples(st.integers(-1, 9), st.integers(1, 11))
Adds = list[tuple[int, int, int]]


def sketches(entries: Adds) -> Sketches:
    made = Sketches()
    for selection, pane, value in entries:
        made.add(selection, pane, value)
    return made


@examples(40)
@given(small, windows)
def test_small_windows_are_counted_exactly(entries: Adds, window: tuple[int, int]) -> None:
    low, length = window
    made = sketches(entries)
    for selection in (0, 1):
        inside = {v for s, p, v in entries if s == selection and low <= p < low + length}
        if len(inside) < K:
            assert made.count(selection, low, low + length) == len(inside)


@examples(30)
@given(adds, st.randoms(use_true_random=False), windows)
def test_order_and_repeats_make_no_difference(
    entries: Adds, rng: random.Random, window: tuple[int, int]
) -> None:
    low, length = window
    one = sketches(entries)
    other = sketches(rng.sample(entries + entries[::3], len(entries) + len(entries[::3])))
    assert one.panes == other.panes
    assert one.count(0, low, low + length) == other.count(0, low, low + length)


@pytest.mark.parametrize("count", [64, 200, 700])
def test_a_union_over_panes_is_the_sketch_of_all(count: int) -> None:
    rng = random.Random(count)
    hashes = [rng.getrandbits(64) for _ in range(count)]
    spread = sketches([(0, i % 5, h) for i, h in enumerate(hashes)])
    together = sketches([(0, 0, h) for h in hashes])
    assert spread.count(0, 0, 5) == together.count(0, 0, 5) == estimate(hashes)


def test_estimates_stay_within_three_standard_errors() -> None:
    errors = []
    for seed in range(40):
        made = sketches([(0, 0, hash_text(f"{seed}-{i}")) for i in range(400)])
        errors.append(made.count(0, 0, 1) / 400 - 1)
    assert np.abs(errors).max() < 3 * 0.127
    assert abs(np.mean(errors)) < 3 * 0.127 / np.sqrt(40)
    assert np.std(errors) == pytest.approx(0.127, abs=0.05)


@examples(30)
@given(adds, st.integers(0, 10))
def test_what_is_packed_is_what_is_read_back(entries: Adds, before: int) -> None:
    made = sketches(entries)
    again = Sketches.unpack(bytes(made.packed))
    assert again.panes == made.panes
    made.forget(before)
    assert all(pane >= before for panes in made.panes.values() for pane in panes)
    kept = Sketches.unpack(bytes(made.packed))
    for selection in (0, 1):
        for low in range(-1, 9):
            assert kept.count(selection, low, 10) == made.count(selection, low, 10)
            if low >= before:
                assert made.count(selection, low, 10) == again.count(selection, low, 10)


def test_packing_a_row_keeps_a_whole_ring() -> None:
    rings = DistinctRings(panes=8)
    for pane in range(30):
        rings.add(0, np.array([0]), np.array([pane]), [pane * 7])
        assert rings[0].packed
        assert rings.count(0, 0, pane - 7, pane + 1) == min(8, pane + 1)
    held = rings[0]
    assert held is not None
    assert len(held.panes[0]) <= 8 + 8 // 4 + 1


def test_numbers_are_spread_evenly_and_zero_has_no_sign() -> None:
    hashes = hash_numbers(np.arange(4096, dtype=np.float64))
    assert len(set(hashes.tolist())) == 4096
    counts = np.bincount((hashes >> np.uint64(60)).astype(np.int64), minlength=16)
    assert counts.min() > 4096 / 16 * 0.75
    assert hash_numbers(np.array([0.0])) == hash_numbers(np.array([-0.0]))
