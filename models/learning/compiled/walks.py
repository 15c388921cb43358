"""How rows walk down oblivious trees some of whose levels are unsure.

Trees that are unsure at as many levels are walked together. Where a row goes at the other levels is
looked up, and leaves of each tree a smaller one, of the unsure levels alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.learning.bins import Singles, singles
from models.learning.numerics import Bools, Floats
from models.staleness.belief import Indices

if TYPE_CHECKING:
    from models.learning.compiled.oblivious import ObliviousForm
    from models.learning.compiled.soft_oblivious import SoftTrees

Ways = NDArray[np.uint16]
"""1 for the right way, 0 for the left one; or some of these, as the bits of a number."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Distinct splits of oblivious trees, shape (s,)."""

    feature: Indices
    threshold: Singles
    unknown_right: Bools

    @classmethod
    def of(
        cls, feature: Indices, threshold: Singles, unknown_right: Bools
    ) -> tuple[Splits, Indices]:
        """Find the distinct ones among (t, d); and for each its place among them."""
        rows = np.stack([feature.ravel(), threshold.ravel(), unknown_right.ravel()], axis=1)
        _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        splits = cls(feature.ravel(), threshold.ravel(), unknown_right.ravel()).some(first)
        return splits, place.reshape(feature.shape)

    def some(self, places: Indices) -> Splits:
        """Take some of them."""
        return Splits(self.feature[places], self.threshold[places], self.unknown_right[places])

    def rights(self, known: Floats) -> Ways:
        """1 where rows (n, f) go to the right, else 0, shape (s, n)."""
        values = np.ascontiguousarray(singles(known).T)[self.feature]
        right = values > self.threshold[:, None]
        right |= np.isnan(values) & self.unknown_right[:, None]
        return right.astype(np.uint16)


@dataclass(frozen=True, slots=True)
class Walks:
    """The trees that are sure of everything; and how rows walk down the others.

    cells, shape (u,): those whose ratios the walks look up. splits: those of features that are
    known, whose ways they look up.
    """

    sure: ObliviousForm
    unsure: list[Walk]
    cells: Indices
    splits: Splits

    @classmethod
    def of(cls, form: ObliviousForm, soft: SoftTrees, columns: Indices) -> Walks:
        """Take trees together that are unsure at as many levels."""
        unsure: Bools = np.isin(form.feature, columns)
        depth = unsure.shape[1]
        level_of = np.repeat(np.arange(depth), 1 << np.arange(depth))
        cells, cell = _renumbered(soft.cell, unsure[:, level_of])
        splits, split = _renumbered(soft.split, ~unsure & unsure.any(axis=1, keepdims=True))
        count, alike = unsure.sum(axis=1), _alike(soft.cell)
        groups = [
            np.flatnonzero((count == levels) & (alike == same))
            for levels in range(1, depth + 1)
            for same in (True, False)
        ]
        walks = [
            Walk.of(form.values[trees], soft.odds[trees], cell[trees], split[trees], unsure[trees])
            for trees in groups
            if len(trees)
        ]
        return cls(form.some(np.flatnonzero(count == 0)), walks, cells, soft.splits.some(splits))


@dataclass(frozen=True, slots=True)
class Walk:
    """How rows walk down trees (g,) with k levels that are unsure and h that are known.

    Where a row goes at the known levels is a number of h bits; for each the k unsure ones are a
    tree of their own, which is walked from the last level upward. Nodes come first and trees last,
    so that the processor has long runs of numbers to work on.

    known: (h, g), columns of the ways. place: for each of the k levels the columns of the ratios,
    (nodes, g), or (1, g) where all nodes of a level have the same. odds: for each level (nodes,
    g 2^h). right, gain: of the last level, (nodes, g 2^h): the right leaf's value, and what the
    left has more, times the odds.
    """

    known: Indices
    place: list[Indices]
    odds: list[Floats]
    right: Floats
    gain: Floats

    @classmethod
    def of(cls, values: Floats, odds: Floats, cell: Indices, split: Indices, unsure: Bools) -> Walk:
        """Sort the levels of trees: values (g, 2^d), odds and cell (g, 2^d - 1), split (g, d)."""
        depth, steps = unsure.shape[1], int(unsure[0].sum())
        order = np.argsort(~unsure, axis=1, kind="stable")
        trees = np.arange(len(values))[:, None, None]
        weight = depth - 1 - order
        ways = _placed(depth - steps, weight[:, steps:])[:, None, :]
        tables, places = [], []
        for step in range(steps):
            path = _placed(step, weight[:, :step])[:, :, None]
            level = order[:, step, None, None]
            node = (1 << level) - 1 + ((path + ways) >> (depth - level))
            tables.append(_flat(odds[trees, node]))
            # The way that known levels go has no part in what is left of an unsure feature.
            place = cell[trees, node[:, :, :1]][:, :, 0].T
            places.append(place[:1] if (place == place[:1]).all() else place)
        leaf = _placed(steps, weight[:, :steps])[:, :, None] + ways
        left, right = (_flat(values[trees, leaf[:, way::2]]) for way in (0, 1))
        known = split[trees[:, :, 0], order[:, steps:]].T
        return cls(known, places, tables, right, (left - right) * tables[-1])

    def sums(self, ratio: Floats, rights: Ways) -> Floats:
        """Sum (n,) of the trees' expected values; ratio: (n, u), rights: (s, n).

        With the odds o of the left way, a node is worth ``right + (left - right) o / (o + ratio)``.
        """
        ways = self._ways(rights)
        value = self._met(ratio, -1) + _looked_up(self.odds[-1], ways)
        np.divide(_looked_up(self.gain, ways), value, out=value)
        value += _looked_up(self.right, ways)
        for step in range(len(self.place) - 2, -1, -1):
            odds = _looked_up(self.odds[step], ways)
            share = self._met(ratio, step) + odds
            np.divide(odds, share, out=share)
            left, right = value[0::2], value[1::2]
            share *= left - right
            share += right
            value = share
        total: Floats = np.cumsum(value[0], axis=1)[:, -1]
        return total

    def _met(self, ratio: Floats, step: int) -> Floats:
        """Ratios (nodes or 1, n, g) at a step."""
        return ratio.take(self.place[step], axis=1).transpose(1, 0, 2)

    def _ways(self, rights: Ways) -> Indices | None:
        """Where rows go at the known levels, as columns (n, g) of the tables; None: nowhere."""
        if not len(self.known):
            return None
        bits = rights[self.known]
        ways = bits[0]
        for more in bits[1:]:
            ways = 2 * ways + more
        places = np.ascontiguousarray(ways.T).astype(np.intp)
        places += np.arange(places.shape[1]) << len(self.known)
        return places


def _looked_up(table: Floats, ways: Indices | None) -> Floats:
    """Entries (nodes, n, g), or (nodes, 1, g) where they do not depend on the row."""
    return table[:, None, :] if ways is None else table.take(ways, axis=1)


def _flat(table: Floats) -> Floats:
    """(g, nodes, 2^h) → (nodes, g 2^h)."""
    return np.ascontiguousarray(table.transpose(1, 0, 2)).reshape(table.shape[1], -1)


def _placed(bits: int, weight: Indices) -> Indices:
    """All numbers (g, 2^bits), ascending, each bit shifted by its tree's weight (g, bits)."""
    numbers = np.arange(1 << bits)
    moved = [(numbers >> (bits - 1 - bit) & 1) << weight[:, bit, None] for bit in range(bits)]
    return sum(moved, np.zeros((len(weight), 1 << bits), dtype=np.intp))


def _renumbered(numbers: Indices, used: Bools) -> tuple[Indices, Indices]:
    """Those that are used (u,), ascending; and for each number its place among them."""
    found = np.unique(numbers[used])
    return found, np.searchsorted(found, numbers)


def _alike(cell: Indices) -> Bools:
    """Whether all nodes of a level have the same cell, in each tree (t,): no feature returns."""
    alike = np.ones(len(cell), dtype=bool)
    for level in range((cell.shape[1] + 1).bit_length() - 1):
        part = cell[:, (1 << level) - 1 : (2 << level) - 1]
        alike &= (part == part[:, :1]).all(axis=1)
    return alike
