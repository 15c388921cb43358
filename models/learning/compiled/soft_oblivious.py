"""Oblivious trees of which some features are masked, or believed to be this or that.

A masked feature takes its levels out of a tree's table of leaves: the two ways are averaged by
the training weight that went down them, once for all rows alike. A believed one splits every row
by odds of its own (``cells``), so its levels are walked, both ways, from the bottom up.

The expectation is of the logit, as in TreeSHAP's path-dependent one (S. Lundberg et al., Nature
Machine Intelligence 2, 2020), so that it is also what ``attribution`` deals out to the features
that are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.learning.compiled.cells import Cells, Ratios, share_right
from models.learning.numerics import Bools, Floats
from models.staleness.belief import Degrade, Indices, Soft

if TYPE_CHECKING:
    from models.learning.compiled.oblivious import ObliviousForm

BLOCK = 256
"""Rows walked at once: what is looked up stays in the processor's cache, memory is bounded."""


def numbered(bits: Bools) -> Indices:
    """Numbers of leaves (t, n) of the rows' ways (t, d, n)."""
    leaf = np.zeros((bits.shape[0], bits.shape[2]), dtype=np.intp)
    for level in range(bits.shape[1]):
        leaf += leaf
        leaf += bits[:, level]
    return leaf


def without(form: ObliviousForm, columns: Indices, how: Degrade) -> Floats:
    """Leaves' values (t, 2^d) of the form, where these features are masked."""
    values, masked = form.values, np.isin(form.feature, columns)
    for level in reversed(range(form.feature.shape[1])):
        if masked[:, level].any():
            averaged = combined(values, rights(form.weights, level), level, how)
            values = np.where(masked[:, level, None], averaged, values)
    return values


def rights(weights: Floats, level: int) -> Floats:
    """Share of the right way at the nodes of a level (t, 2^level); 1/2 where no weight went."""
    went = weights.reshape(len(weights), 1 << level, 2, -1).sum(axis=3)
    total = went.sum(axis=2)
    share = np.full(total.shape, 0.5)
    np.divide(went[:, :, 1], total, out=share, where=total > 0.0)
    return share


def combined(values: Floats, right: Floats, level: int, how: Degrade = "average") -> Floats:
    """Values (t, 2^d) with the two ways of a level's nodes made alike.

    right: the share of the right way, shape (t, 2^level). ``most_common`` takes the heavier, the
    left one of two that weigh the same, as River does.
    """
    ways = values.reshape(len(values), 1 << level, 2, -1)
    share = right[:, :, None] if how == "average" else (right > 0.5)[:, :, None].astype(float)
    mean = (1.0 - share) * ways[:, :, 0] + share * ways[:, :, 1]
    return np.broadcast_to(mean[:, :, None], ways.shape).reshape(values.shape)


@dataclass(frozen=True, slots=True)
class SoftTrees:
    """What soft splits need to know of a form, worked out once.

    A tree's inner nodes are numbered level after level, by the path that leads there. right, cell,
    shape (t, 2^d - 1): the right way's share of the training weight, and the node's cell.
    """

    right: Floats
    cells: Cells
    cell: Indices

    @classmethod
    def of(cls, form: ObliviousForm) -> SoftTrees:
        """Gather the nodes of a form that has trees."""
        levels = range(form.feature.shape[1])
        right = np.concatenate([rights(form.weights, level) for level in levels], axis=1)
        nodes = [_split(form, level, path) for level in levels for path in range(1 << level)]
        columns = [np.stack(part, axis=1).ravel() for part in zip(*nodes, strict=True)]
        cells, cell = Cells.of(*columns)
        return cls(right, cells, cell.reshape(right.shape))

    def logits(self, form: ObliviousForm, known: Floats, columns: Indices, soft: Soft) -> Floats:
        """Logits (n,) of rows (n, f) all of which are unsure of these features (c,)."""
        unsure = np.isin(form.feature, columns)
        depth = unsure.shape[1]
        kinds = unsure @ (1 << np.arange(depth)[::-1])
        level_of = np.repeat(np.arange(depth), 1 << np.arange(depth))
        used = np.unique(self.cell[unsure[:, level_of]])
        ratios = Ratios(self.cells, used, columns, soft)
        cell = np.searchsorted(used, self.cell)
        walks = [
            _Walk.of(form, self.right, cell, np.flatnonzero(kinds == kind), kind)
            for kind in np.unique(kinds).tolist()
        ]
        result = np.empty(len(known))
        for begin in range(0, len(known), BLOCK):
            block = slice(begin, begin + BLOCK)
            bits = form.bits(known[block])
            bits[unsure] = False
            leaf = numbered(bits)
            ratio = ratios.of(soft.rows(block))
            parts = np.empty(leaf.shape)
            for walk in walks:
                parts[walk.trees] = walk.values_of(leaf[walk.trees], ratio)
            result[block] = form.intercept + np.cumsum(parts, axis=0)[-1]
        return result


@dataclass(frozen=True, slots=True)
class _Walk:
    """Trees (g,) that are unsure at the same levels, and how rows walk down these.

    values: (g, 2^d). right: (g, 2^d - 1). cell: (g, 2^d - 1), into the ratios.
    """

    trees: Indices
    levels: tuple[int, ...]
    values: Floats
    right: Floats
    cell: Indices

    @classmethod
    def of(
        cls, form: ObliviousForm, right: Floats, cell: Indices, trees: Indices, kind: int
    ) -> _Walk:
        """Take the trees; ``kind`` has a bit for each level, as leaves have, set where unsure."""
        depth = form.feature.shape[1]
        levels = tuple(level for level in range(depth) if kind >> (depth - 1 - level) & 1)
        return cls(trees, levels, form.values[trees], right[trees], cell[trees])

    def values_of(self, leaf: Indices, ratio: Floats) -> Floats:
        """Expected values (g, n) of leaves (g, n) whose bits at the unsure levels are 0."""
        return self._below(leaf, ratio, 0, 0)

    def _below(self, leaf: Indices, ratio: Floats, step: int, path: int) -> Floats:
        """Do so below a node at the step-th unsure level, which the path (bits) has led to."""
        if step == len(self.levels):
            return _looked_up(self.values, leaf + path)
        width, level = self.values.shape[1], self.levels[step]
        first, below = (1 << level) - 1, width >> level
        # The way that the known levels go has no part in what is known of an unsure feature.
        own = ratio.take(self.cell[:, first + path // below], axis=0)
        share = share_right(_looked_up(self.right, first + (leaf + path) // below), own)
        left = self._below(leaf, ratio, step + 1, path)
        right = self._below(leaf, ratio, step + 1, path + below // 2)
        right -= left
        right *= share
        right += left
        return right


def _looked_up(table: Floats, places: Indices) -> Floats:
    """``table[g, places[g, n]]``, shape (g, n)."""
    found: Floats = table.ravel().take(places + (np.arange(len(table)) * table.shape[1])[:, None])
    return found


def _split(form: ObliviousForm, level: int, path: int) -> tuple[NDArray[Any], ...]:
    """The arguments of ``Cells.of``, shape (t,), for one node of each tree."""
    feature, threshold = form.feature[:, level], form.threshold[:, level].astype(float)
    low, high = np.full(len(feature), -np.inf), np.full(len(feature), np.inf)
    absent = np.ones(len(feature), dtype=bool)
    for above in range(level):
        same = form.feature[:, above] == feature
        edge, right = form.threshold[:, above].astype(float), path >> (level - 1 - above) & 1
        if right:
            low = np.where(same, np.maximum(low, edge), low)
        else:
            high = np.where(same, np.minimum(high, edge), high)
        absent &= ~same | (form.unknown_right[:, above] == bool(right))
    goes_right = form.unknown_right[:, level]
    return feature, low, threshold, high, absent & ~goes_right, absent & goes_right
