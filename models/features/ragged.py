"""Runs of different length laid one behind the other in flat arrays, all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.grid import Bool, Int


def spread(starts: Int, lengths: Int) -> Int:
    """Indices of all elements of the runs, int64[lengths.sum()].

    >>> spread(np.array([10, 50]), np.array([3, 2])).tolist()
    [10, 11, 12, 50, 51]
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    indices: Int = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return indices


def owners(lengths: Int) -> Int:
    """Which run each element belongs to.

    >>> owners(np.array([3, 0, 2])).tolist()
    [0, 0, 0, 2, 2]
    """
    return np.repeat(np.arange(len(lengths)), lengths)


def lengthen(array: NDArray[Any], rows: int) -> None:
    """Make an array longer in place; what is new is zero.

    A large one is moved by the system's page tables, not copied: it is never there twice.
    """
    array.resize((rows, *array.shape[1:]), refcheck=False)


def last_of(owner: Int, chosen: Bool, count: int) -> Int:
    """Last chosen element of each of ``count`` owners, int64[count]; -1 = none.

    >>> last_of(np.array([0, 0, 2]), np.array([True, True, False]), 3).tolist()
    [1, -1, -1]
    """
    last = np.full(count, -1)
    elements = np.flatnonzero(chosen)
    last[owner[elements]] = elements  # of several assignments to one place the last one stays
    return last
