"""Rows of a batch that do not know the same features, together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from models.learning.numerics import Bools, Floats
from models.staleness.belief import Indices


def by_pattern(
    unknown: Bools,
    plain: Callable[[Indices], Floats],
    special: Callable[[Indices, Indices], Floats],
) -> Floats:
    """Results (n,), worked out for the rows of each pattern of ``unknown`` (n, f) together.

    plain(rows): of those that know everything. special(columns, rows): of those that do not know
    these columns, ascending. What is known in a row depends on its sources: there are few
    patterns, and what a model makes of one is worked out once.
    """
    result = np.empty(len(unknown))
    for columns, rows in _patterns(unknown):
        result[rows] = special(columns, rows) if len(columns) else plain(rows)
    return result


def _patterns(unknown: Bools) -> Iterator[tuple[Indices, Indices]]:
    """Columns and rows of each pattern."""
    if not len(unknown):
        return
    if (unknown == unknown[0]).all():
        yield np.flatnonzero(unknown[0]), np.arange(len(unknown))
        return
    packed = np.packbits(unknown, axis=1)
    distinct, pattern = np.unique(packed, axis=0, return_inverse=True)
    order = np.argsort(pattern.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(pattern.ravel(), minlength=len(distinct)))
    for bits, rows in zip(distinct, np.split(order, ends[:-1]), strict=True):
        yield np.flatnonzero(np.unpackbits(bits, count=unknown.shape[1])), rows
