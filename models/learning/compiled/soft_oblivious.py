"""Oblivious trees of which some features are masked, or believed to be this or that.

A masked feature takes its levels out of a tree's table of leaves: the two ways are averaged by
the training weight that went down them, once for all rows alike. A believed one splits every row
by odds of its own (``cells``), so its levels are walked, both ways, from the bottom up.

The expectation is of the logit, as in TreeSHAP's path-dependent one (S. Lundberg et al., Nature
Machine Intelligence 2, 2020), so that it is also what ``attribution`` deals out to the features
that are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.learning.bins import Singles, singles
from models.learning.compiled.cells import Cells, Ratios
from models.learning.numerics import Bools, Floats
from models.staleness.belief import Degrade, Indices, Soft

if TYPE_CHECKING:
    from models.learning.compiled.oblivious import ObliviousForm

BLOCK = 64
"""Rows walked at once: what is looked up stays in the processor's cache, memory is bounded."""
PATTERNS = 64
"""Of features that are unsure together, for which the ways down are remembered."""
_CERTAIN = 1e30
"""Odds of what is certain: finite, so that there is always a quotient."""


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

    A tree's inner nodes are numbered level after level, by the path that leads there. odds, cell,
    shape (t, 2^d - 1): the training weight's odds of the left way, within ``±_CERTAIN``, and the
    node's cell. split, shape (t, d): the level's among the distinct ones, whose feature, threshold
    and unknown_right are those of ``ways``, shape (s,). walks: found so far, by the features that
    are unsure.
    """

    odds: Floats
    cells: Cells
    cell: Indices
    ways: tuple[Indices, Singles, Bools]
    split: Indices
    walks: dict[bytes, tuple[ObliviousForm, list[_Walk]]] = field(default_factory=dict)

    @classmethod
    def of(cls, form: ObliviousForm) -> SoftTrees:
        """Gather the nodes of a form that has trees."""
        levels = range(form.feature.shape[1])
        right = np.concatenate([rights(form.weights, level) for level in levels], axis=1)
        with np.errstate(divide="ignore"):
            odds = np.clip((1.0 - right) / right, 1.0 / _CERTAIN, _CERTAIN)
        nodes = [_split(form, level, path) for level in levels for path in range(1 << level)]
        columns = [np.stack(part, axis=1).ravel() for part in zip(*nodes, strict=True)]
        cells, cell = Cells.of(*columns)
        parts = [form.feature, form.threshold.astype(float), form.unknown_right]
        _, first, split = np.unique(
            np.stack([part.ravel() for part in parts], axis=1),
            axis=0,
            return_index=True,
            return_inverse=True,
        )
        return cls(
            odds,
            cells,
            cell.reshape(right.shape),
            (
                form.feature.ravel()[first],
                form.threshold.ravel()[first],
                form.unknown_right.ravel()[first],
            ),
            split.reshape(form.feature.shape),
        )

    def logits(self, form: ObliviousForm, known: Floats, columns: Indices, soft: Soft) -> Floats:
        """Logits (n,) of rows (n, f) all of which are unsure of these features (c,)."""
        sure, walks = self._walks(form, columns)
        result = sure.logits(known)
        for walk in walks:
            ratios = Ratios(self.cells, walk.cells, columns, soft)
            for begin in range(0, len(known), BLOCK):
                block = slice(begin, begin + BLOCK)
                result[block] += walk.sums(known[block], ratios.of(soft.rows(block)))
        return result

    def _walks(self, form: ObliviousForm, columns: Indices) -> tuple[ObliviousForm, list[_Walk]]:
        """The trees that are sure of everything, and the others by what they have to look up."""
        key = columns.tobytes()
        if key not in self.walks:
            if len(self.walks) >= PATTERNS:
                self.walks.clear()
            unsure = np.isin(form.feature, columns)
            some, same = unsure.any(axis=1), _alike(self.cell)
            parts = [np.flatnonzero(some & part) for part in (same, ~same)]
            walks = [_Walk.of(form, self, part, unsure[part]) for part in parts if len(part)]
            self.walks[key] = form.some(np.flatnonzero(~some)), walks
        return self.walks[key]


@dataclass(frozen=True, slots=True)
class _Walk:
    """How rows walk down some trees (g,), from the last level upward.

    A level's splits all are treated as soft; where a feature is known the ratio is certain. Nodes
    come first and trees last, so that the processor has long runs of numbers to work on.

    odds: for each level (nodes, g). place: for each level the columns of ratios, (nodes, g), or
    (1, g) where a level's nodes have the same. right, gain: of the last level, (nodes, g): the
    right leaf's value, and what the left has more, times the odds. cells: (u,), sure: (h,), what
    the ratios' columns are.
    """

    odds: list[Floats]
    place: list[Indices]
    right: Floats
    gain: Floats
    cells: Indices
    sure: tuple[Indices, Singles, Bools]

    @classmethod
    def of(cls, form: ObliviousForm, soft: SoftTrees, trees: Indices, unsure: Bools) -> _Walk:
        """Find the cells and the splits that matter, and where the nodes find theirs."""
        depth = unsure.shape[1]
        level_of = np.repeat(np.arange(depth), 1 << np.arange(depth))
        cell, split = soft.cell[trees], soft.split[trees]
        cells, splits = np.unique(cell[unsure[:, level_of]]), np.unique(split[~unsure])
        place = np.where(
            unsure[:, level_of],
            np.searchsorted(cells, cell),
            len(cells) + np.searchsorted(splits, split[:, level_of]),
        ).T
        odds = soft.odds[trees].T
        parts = [slice((1 << level) - 1, (2 << level) - 1) for level in range(depth)]
        places = [place[part] for part in parts]
        left, right = (form.values[trees, way::2].T for way in (0, 1))
        feature, threshold, unknown_right = soft.ways
        return cls(
            odds=[np.ascontiguousarray(odds[part]) for part in parts],
            place=[p[:1] if (p == p[0]).all() else p for p in places],
            right=np.ascontiguousarray(right),
            gain=np.ascontiguousarray((left - right) * odds[parts[-1]]),
            cells=cells,
            sure=(feature[splits], threshold[splits], unknown_right[splits]),
        )

    def sums(self, known: Floats, ratio: Floats) -> Floats:
        """Sum (n,) of the trees' expected values; ratio: (u, n).

        With the odds o of the left way, a node is worth ``right + (left - right) o / (o + ratio)``.
        """
        ratios = np.ascontiguousarray(np.concatenate((ratio, self._certain(known))).T)
        value = ratios.take(self.place[-1], axis=1) + self.odds[-1]
        np.divide(self.gain, value, out=value)
        value += self.right
        for odds, place in zip(self.odds[-2::-1], self.place[-2::-1], strict=True):
            share = ratios.take(place, axis=1) + odds
            np.divide(odds, share, out=share)
            right = value[:, 1::2]
            value = value[:, 0::2] - right  # in place numpy would fear that they overlap, and copy
            value *= share
            value += right
        total: Floats = np.cumsum(value[:, 0], axis=1)[:, -1]
        return total

    def _certain(self, known: Floats) -> Floats:
        """Ratios (h, n) of splits on features that are known."""
        feature, threshold, unknown_right = self.sure
        value = np.ascontiguousarray(singles(known).T)[feature]
        right = value > threshold[:, None]
        right |= np.isnan(value) & unknown_right[:, None]
        return np.where(right, _CERTAIN**3, _CERTAIN**-3)


def _alike(cell: Indices) -> Bools:
    """Whether all nodes of a level have the same cell, in each tree (t,): no feature returns."""
    alike = np.ones(len(cell), dtype=bool)
    for level in range((cell.shape[1] + 1).bit_length() - 1):
        part = cell[:, (1 << level) - 1 : (2 << level) - 1]
        alike &= (part == part[:, :1]).all(axis=1)
    return alike


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
