"""Where equal numbers stand together in an array."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.grid import Int


def runs(values: Int) -> Iterator[tuple[int, slice]]:
    """Each run of equal numbers: the number, and where it stands.

    >>> list(runs(np.array([3, 3, 5])))
    [(3, slice(0, 2, None)), (5, slice(2, 3, None))]
    """
    firsts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    starts = firsts.tolist()
    ends = [*starts[1:], len(values)]
    return zip(values[firsts].tolist(), map(slice, starts, ends), strict=len(values) > 0)


def numbered(values: Int) -> tuple[Int, Int]:
    """The different values, ascending, and the number of each element's among them.

    What np.unique finds, but quick where equal values stand together.

    >>> numbered(np.array([7, 7, 5]))
    (array([5, 7]), array([1, 1, 0]))
    """
    begun = np.diff(values, prepend=values[:1] - 1) != 0
    found, place = np.unique(values[begun], return_inverse=True)
    return found, place[np.cumsum(begun) - 1]
