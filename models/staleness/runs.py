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
    bounds = _bounds(values)
    starts = bounds[:-1]
    each = map(slice, starts.tolist(), bounds[1:].tolist())
    return zip(values[starts].tolist(), each, strict=True)


def numbered(values: Int) -> tuple[Int, Int]:
    """The different values, ascending, and the number of each element's among them.

    What np.unique finds, but quick where equal values stand together.

    >>> numbered(np.array([7, 7, 5]))
    (array([5, 7]), array([1, 1, 0]))
    """
    bounds = _bounds(values)
    found = values[bounds[:-1]]
    place = np.arange(len(found))
    if not (found[1:] > found[:-1]).all():
        found, place = np.unique(found, return_inverse=True)
    return found, place.repeat(bounds[1:] - bounds[:-1])


def counted(values: Int) -> tuple[Int, Int]:
    """The different values, ascending, and how often each is there.

    >>> counted(np.array([7, 5, 7]))
    (array([5, 7]), array([1, 2]))
    """
    ordered = np.sort(values)
    bounds = _bounds(ordered)
    return ordered[bounds[:-1]], bounds[1:] - bounds[:-1]


def _bounds(values: Int) -> Int:
    """Where each run begins, and where the last one ends; [0] where there is none."""
    changed = np.ones(len(values) + 1, dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=changed[1:-1])
    return changed.nonzero()[0]
