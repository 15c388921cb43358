"""When events arrive: delays, outages, and the pace at which they are sent."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.publish.arrival import Arrival, Outage, span
from streams.publish.chunks import chunk_of, concat
from streams.publish.sender import slices

TIMES = st.lists(st.integers(-(10**15), 10**16), min_size=1, max_size=50)


@given(TIMES, st.integers(0, 10**12), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9))))
def test_arrival_is_never_before_the_event_and_keeps_the_order(
    times: list[int], delay: int, cuts: list[tuple[int, int]]
) -> None:
    outages = tuple(Outage(a * 10**11, (a + n) * 10**11) for a, n in cuts)
    ordered = np.sort(np.array(times, dtype=np.int64))
    arrivals = Arrival(delay, outages).of(ordered)
    assert (arrivals * 1000 >= ordered + delay).all()
    assert (np.diff(arrivals) >= 0).all()


def test_a_microsecond_rounds_up_to_the_next_millisecond() -> None:
    assert Arrival().of(np.array([0, 1, 1000, 1001])).tolist() == [0, 1, 1, 2]
    assert Arrival(delay=999).of(np.array([1, 2])).tolist() == [1, 2]


def test_an_outage_holds_back_until_its_end_and_a_second_one_again() -> None:
    arrival = Arrival(outages=(Outage(30, 40), Outage(10, 30)))
    times = np.array([9, 10, 29, 30, 39, 40]) * 1000
    assert arrival.of(times).tolist() == [9, 40, 40, 40, 40, 40]
    assert arrival.silent(times // 1000).tolist() == [False, True, True, True, True, False]


def test_span_covers_what_is_there() -> None:
    assert span([None, (3, 5), (1, 4)]) == (1, 5)
    assert span([None]) is None


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 10))
def test_slices_cut_only_at_the_width_and_lose_nothing(arrivals: list[int], width: int) -> None:
    times = np.sort(np.array(arrivals, dtype=np.int64))
    chunk = chunk_of(0, times, [b"k"] * len(times), [b"%d" % i for i in range(len(times))])
    parts = list(slices(chunk, width))
    assert (concat(parts).values if parts else []) == chunk.values
    for part in parts:
        assert len({int(at) // width for at in part.arrivals}) == 1
    assert len(parts) == len({int(at) // width for at in times})
