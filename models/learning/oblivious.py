"""Growing one oblivious tree: a single split for each level, shared by all nodes of the level.

A tree over codes (see ``bins``) of d levels is three arrays of shape (d,), its *levels*: feature,
edge, unknown_right. A row goes to the right at a level if its code is above the edge, an unknown
value if the level says so. The leaf's number has a bit for each level, the first one the most
significant, set where the row went to the right.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.learning.bins import Codes
from models.learning.numerics import Bools, Floats

Indices = NDArray[np.intp]


def leaves(codes: Codes, missing: int, feature: Indices, edge: Indices, right: Bools) -> Indices:
    """Leaf (n,) of each row of codes (n, f)."""
    leaf = np.zeros(len(codes), dtype=np.intp)
    for j, i, to_the_right in zip(feature.tolist(), edge.tolist(), right.tolist(), strict=True):
        leaf += leaf
        leaf += _goes_right(codes[:, j], missing, i, to_the_right)
    return leaf


def grow(
    codes: Codes,
    missing: int,
    gradient: Floats,
    hessian: Floats,
    columns: Indices,
    depth: int,
    l2: float,
) -> tuple[Indices, Indices, Bools]:
    """Choose the splits of a tree greedily, level by level; (feature, edge, unknown_right).

    A split's merit is what it takes off the second-order approximation of the loss, summed over
    the nodes ν of the level that it makes: ``Σ_ν G_ν² / (H_ν + l2)`` (Chen & Guestrin 2016,
    eq. 7), where an unknown value may go either way.

    Parameters
    ----------
    codes
        Shape (n, f), ``missing`` where unknown.
    gradient, hessian
        Derivatives of the loss by the logit, times the rows' weights, shape (n,).
    columns
        Features that may be split on, shape (c,), c > 0.

    """
    width = missing + 1
    flat = codes[:, columns].astype(np.intp)
    flat += np.arange(len(columns)) * width
    wide = [np.repeat(part, len(columns)) for part in (gradient, hessian)]
    leaf = np.zeros(len(codes), dtype=np.intp)
    levels: list[tuple[int, int, bool]] = []
    for level in range(depth):
        shape = (1 << level, len(columns), width)
        places = (flat + (leaf * (len(columns) * width))[:, None]).ravel()
        sums = [np.bincount(places, part, math.prod(shape)) for part in wide]
        g, h = (part.astype(float).reshape(shape) for part in sums)
        column, edge, right = _best(g, h, l2)
        leaf = 2 * leaf + _goes_right(codes[:, columns[column]], missing, edge, right)
        levels.append((int(columns[column]), edge, right))
    feature, edges, to_the_right = zip(*levels, strict=True)
    return np.array(feature), np.array(edges), np.array(to_the_right)


def _best(gradient: Floats, hessian: Floats, l2: float) -> tuple[int, int, bool]:
    """Column, edge and way of the unknown with the largest merit, of sums (nodes, c, width)."""
    total_g, total_h = (part.sum(axis=2, keepdims=True) for part in (gradient, hessian))
    merits = []
    for right in (False, True):
        left_g, left_h = (np.cumsum(part[:, :, :-2], axis=2) for part in (gradient, hessian))
        if not right:
            left_g += gradient[:, :, -1:]
            left_h += hessian[:, :, -1:]
        merit = left_g**2 / (left_h + l2)
        merit += (total_g - left_g) ** 2 / (total_h - left_h + l2)
        merits.append(merit.sum(axis=0))
    way, column, edge = np.unravel_index(int(np.argmax(merits)), np.shape(merits))
    return int(column), int(edge), bool(way)


def _goes_right(codes: Codes, missing: int, edge: int, unknown_right: bool) -> Bools:
    right: Bools = codes > edge
    if not unknown_right:
        right &= codes != missing
    return right
