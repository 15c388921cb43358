"""The sketches: sums that depend on no order, against plain counting."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.staleness.quality.histogram import Histogram, codes_of, octaves_of
from models.staleness.quality.repeats import KEPT, Repeats


@given(st.lists(st.integers(0, 150), max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_the_smallest_hashes_are_counted_every_time(hashes: list[int], cuts: list[int]) -> None:
    every = np.array(hashes, dtype=np.int64)
    whole, merged = Repeats(), Repeats()
    for part in np.split(every, sorted(min(cut, len(every)) for cut in cuts)):
        one = Repeats()
        one.add(part)
        whole.add(part)
        merged.merge(one)
    counts = sorted(Counter(hashes).items())[:KEPT]
    assert list(zip(whole.hashes, whole.counts, strict=True)) == counts
    assert merged == whole


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_a_value_has_one_code_wherever_it_stands(values: list[float]) -> None:
    together = codes_of(np.array(values)).tolist()
    assert together == [int(codes_of(np.array([value]))[0]) for value in values]
    for value, code in zip(values, together, strict=True):
        assert np.sign(code) == np.sign(value)
        if 1e-9 < abs(value) < 1e15:
            assert 0 <= np.log2(abs(value)) - octaves_of(code) < 0.25 + 1e-9


def test_histograms_add_up() -> None:
    one, other = Histogram([1, 5], [2, 3]), Histogram([0, 5, 7], [1, 1, 4])
    one.merge(other)
    assert one == Histogram([0, 1, 5, 7], [1, 2, 4, 4])
    assert one.quantile(0.5) == 5
    assert one.thinned(1, 4) == Histogram([1, 5, 7], [1, 1, 1])
