"""The sketches: sums that depend on no order, against plain counting."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.staleness.quality.distributions import GROUPS, UNITS, compare, describe
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


def _slowly(usual: Histogram, seen: Histogram) -> tuple[float, float]:
    """PSI and median's shift by counting value by value."""
    group: dict[int, int] = {}
    reached, new = 0, GROUPS
    for code, count in zip(usual.codes, usual.counts, strict=True):
        group[code] = reached * GROUPS // usual.total
        reached += count
    names = [*sorted(set(group.values())), new]
    p, q = dict.fromkeys(names, 0.5), dict.fromkeys(names, 0.5)
    for code, count in zip(usual.codes, usual.counts, strict=True):
        p[group[code]] += count
    for code, count in zip(seen.codes, seen.counts, strict=True):
        q[group.get(code, new)] += count
    whole = [sum(one.values()) for one in (p, q)]
    shares = [(p[name] / whole[0], q[name] / whole[1]) for name in names]
    psi = sum((b - a) * np.log(b / a) for a, b in shares)
    values = [np.repeat(one.codes, one.counts) for one in (usual, seen)]
    middle = np.sort(values[0])[(len(values[0]) - 1) // 2]
    above = [((own > middle) + (own == middle) / 2).mean() for own in values]
    return float(psi), float(above[1] - above[0])


bins = st.dictionaries(st.integers(-15, 15), st.integers(1, 60), min_size=1)


@given(bins, bins)
def test_histograms_are_compared_as_by_counting(one: dict[int, int], other: dict[int, int]) -> None:
    usual, seen = (Histogram(sorted(x), [x[c] for c in sorted(x)]) for x in (one, other))
    found, (psi, median) = compare(usual, seen), _slowly(usual, seen)
    assert found.psi == pytest.approx(psi, abs=1e-8)
    assert found.median == pytest.approx(median)


def _histogram(values: list[float]) -> Histogram:
    codes, counts = np.unique(codes_of(np.array(values)), return_counts=True)
    return Histogram(codes.tolist(), counts.tolist())


numbers = st.lists(
    st.one_of(st.integers(-20, 20).map(float), st.floats(-1e4, 1e4).map(lambda x: round(x, 2))),
    min_size=3,
    max_size=40,
    unique_by=lambda x: int(codes_of(np.array([x]))[0]),
)


@given(numbers, st.sampled_from(sorted(UNITS)), st.booleans(), st.integers(2, 5))
def test_values_in_another_unit_are_known_by_the_factor(
    values: list[float], name: str, smaller: bool, repeated: int
) -> None:
    factor = 1 / UNITS[name] if smaller else UNITS[name]
    moved = [value * factor for value in values]
    assume(not {*_histogram(moved).codes} & {*_histogram(values).codes} - {0})
    assume(sum(value != 0 for value in values) > 4)
    kind, words = describe(_histogram(values * repeated), _histogram(moved), number=True)
    times = f"1/{name}" if smaller else f"{name} times"
    assert kind == "unit"
    assert words.endswith(f" are {times} as large as usual")


@pytest.mark.parametrize(
    ("factor", "kind"),
    [(100.0, "unit"), (0.01, "unit"), (7.0, "distribution"), (400.0, "distribution")],
)
def test_counts_in_another_unit_are_told_from_counts_that_grew(factor: float, kind: str) -> None:
    clicks = np.random.default_rng(1).geometric(0.4, 5_000).astype(float)
    usual, seen = _histogram(clicks.tolist()), _histogram((clicks * factor).tolist())
    assert describe(usual, seen, number=True)[0] == kind
