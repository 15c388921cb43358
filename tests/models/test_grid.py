"""Points and panes: closed on the right, whatever the sign."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.grid import first_point, floor_to, pane_of
from tests.models.engine.histories import examples

times = st.integers(-(10**6), 10**6)
grids = st.integers(1, 1000)


@examples(80)
@given(times, grids)
def test_a_pane_is_closed_on_the_right(time: int, grid: int) -> None:
    pane = int(pane_of(np.array([time]), grid)[0])
    assert pane * grid < time <= (pane + 1) * grid


@examples(80)
@given(times, grids)
def test_the_floor_is_the_newest_grid_point_not_after(time: int, grid: int) -> None:
    floor = int(floor_to(np.array([time]), grid)[0])
    assert floor % grid == 0
    assert floor <= time < floor + grid


@examples(80)
@given(times, grids, times)
def test_the_first_point_is_the_oldest_not_before(at: int, every: int, anchor: int) -> None:
    point = first_point(at, every, anchor)
    assert (point - anchor) % every == 0
    assert at <= point < at + every
