"""Points and panes on a regular grid of time. All values are integer microseconds.

Panes are closed on the right: pane k is ``(k * grid, (k + 1) * grid]``. So the panes below
``T / grid`` hold exactly the events at or before a grid point T, which is what a cut at T may
know and what a label in ``(T, T + H]`` must not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

NEVER: Final = -(2**62)
"""A time before all times; stands for "not yet"."""

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


def pane_of(time: Int, grid: int) -> Int:
    """Pane that an event at ``time`` falls into.

    >>> pane_of(np.array([0, 1, 10, 11]), 10).tolist()
    [-1, 0, 0, 1]
    """
    return (time - 1) // grid


def floor_to(time: Int, grid: int) -> Int:
    """Newest grid point at or before ``time``."""
    return time // grid * grid


def first_point(at: int, every: int, anchor: int = 0) -> int:
    """First point of ``anchor + k * every`` that is not before ``at``.

    >>> first_point(11, 10), first_point(10, 10), first_point(11, 10, 3)
    (20, 10, 13)
    """
    return anchor - (anchor - at) // every * every
