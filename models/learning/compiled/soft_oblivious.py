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

from models.learning.compiled.cells import Cells, Ratios
from models.learning.compiled.walks import Splits, Walks
from models.learning.numerics import Bools, Floats
from models.staleness.belief import Degrade, Indices, Soft

if TYPE_CHECKING:
    from models.learning.compiled.oblivious import ObliviousForm

BLOCK = 256
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
    and unknown_right are those of ``splits``, shape (s,). walks: found so far, by the features
    that are unsure.
    """

    odds: Floats
    cells: Cells
    cell: Indices
    splits: Splits
    split: Indices
    walks: dict[bytes, Walks] = field(default_factory=dict)

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
        splits, split = Splits.of(form.feature, form.threshold, form.unknown_right)
        return cls(odds, cells, cell.reshape(right.shape), splits, split)

    def logits(self, form: ObliviousForm, known: Floats, columns: Indices, soft: Soft) -> Floats:
        """Logits (n,) of rows (n, f) all of which are unsure of these features (c,)."""
        key = columns.tobytes()
        if key not in self.walks:
            if len(self.walks) >= PATTERNS:
                self.walks.clear()
            self.walks[key] = Walks.of(form, self, columns)
        walks = self.walks[key]
        result = walks.sure.logits(known)
        ratios = Ratios(self.cells, walks.cells, columns, soft)
        for begin in range(0, len(known) if walks.unsure else 0, BLOCK):
            block = slice(begin, begin + BLOCK)
            ratio = np.ascontiguousarray(ratios.of(soft.rows(block)).T)
            ways = walks.splits.rights(known[block])
            for walk in walks.unsure:
                result[block] += walk.sums(ratio, ways)
        return result


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
