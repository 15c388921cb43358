"""Trees of which some features are masked, or believed to be this or that.

All nodes get what is expected below them, from the deepest ones upward: at a split on a known
feature that of the way that the row goes, at another that of both ways by their shares. So the
work is that of the nodes, not of the ways, of which there are exponentially many.

A forest's votes are averaged, tree by tree: what River does with the votes of one row's leaves is
done with their expectations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.learning.compiled.cells import Cells, Ratios, share_right
from models.learning.compiled.nodes import ABOVE, BELOW, UNKNOWN, Nodes
from models.learning.numerics import Bools, Floats
from models.staleness.belief import Degrade, Indices, Soft

if TYPE_CHECKING:
    from models.learning.compiled.forest import ForestForm

ENTRIES = 1 << 16
"""Nodes times rows that are worked on at once: they stay in the processor's cache."""


Walk = list[tuple[Indices, Indices]]
"""Inner nodes layer by layer, the deepest first: those of features that are known, the others."""


@dataclass(frozen=True, slots=True)
class SoftForest:
    """What marginalising needs to know of a form, worked out once.

    layers: inner nodes, the deepest first; the nodes below a layer's are leaves or in those before.
    right, shape (k,): share of the training weight that went above the node's threshold. cell,
    shape (k,): the node's cell. Both mean nothing at leaves. heard: what all that a row hears sums
    to, None if that depends on the row.
    """

    layers: tuple[Indices, ...]
    right: Floats
    cells: Cells
    cell: Indices
    heard: float | None

    @classmethod
    def of(cls, form: ForestForm) -> SoftForest:
        """Walk down from the roots."""
        nodes = form.nodes
        layers = _layers(nodes, form.roots)
        below, above = (nodes.weight[nodes.ways[:, way]] for way in (BELOW, ABOVE))
        total = below + above
        right = np.divide(above, total, out=np.full(len(total), 0.5), where=total > 0.0)
        cells, cell = Cells.of(*_splits(nodes, layers))
        return cls(tuple(reversed(layers)), right, cells, cell, _heard(form))

    def marginal(self, form: ForestForm, known: Floats, columns: Indices, how: Degrade) -> Floats:
        """P(churn) (n,) of rows (n, f), all of which have these features (c,) masked."""
        right = self.right if how == "average" else (self.right > 0.5).astype(float)
        walk = self._walk(form, columns)
        shares = [right[unsure][:, None] for _, unsure in walk]
        # What is expected where nothing known is asked any more is the same for all rows.
        same = _same(form.nodes, walk)
        any_row = _walked(form, form.votes, np.zeros((1, known.shape[1])), walk, shares)
        votes = np.where(same, any_row[:, :, 0], form.votes)
        left = [(sure, unsure[~same[unsure]]) for sure, unsure in walk]
        shares = [right[unsure][:, None] for _, unsure in left]
        return np.concatenate(
            [self._said(form, votes, known[b], left, shares) for b in _blocks(form, known)]
        )

    def expected(self, form: ForestForm, known: Floats, columns: Indices, soft: Soft) -> Floats:
        """P(churn) (n,) of rows (n, f), all of which are unsure of these features (c,)."""
        walk = self._walk(form, columns)
        used = np.unique(np.concatenate([self.cell[unsure] for _, unsure in walk]))
        ratios = Ratios(self.cells, used, columns, soft)
        cells = [np.searchsorted(used, self.cell[unsure]) for _, unsure in walk]
        rights = [self.right[unsure][:, None] for _, unsure in walk]
        parts = []
        for block in _blocks(form, known):
            ratio = ratios.of(soft.rows(block))
            shares = [share_right(r, ratio[c]) for r, c in zip(rights, cells, strict=True)]
            parts.append(self._said(form, form.votes, known[block], walk, shares))
        return np.concatenate(parts)

    def _walk(self, form: ForestForm, columns: Indices) -> Walk:
        unsure = np.isin(form.nodes.feature, columns)
        return [(layer[~unsure[layer]], layer[unsure[layer]]) for layer in self.layers]

    def _said(
        self, form: ForestForm, votes: Floats, known: Floats, walk: Walk, shares: Sequence[Floats]
    ) -> Floats:
        """P(churn) (n,) of rows (n, f); votes: (2, k)."""
        if self.heard is None:
            both = _summed(form, _walked(form, votes, known, walk, shares))
            total = both[0] + both[1]
            share = np.zeros(len(known))
            np.divide(both[1], total, out=share, where=total > 0.0)
            return share
        positive: Floats = _summed(form, _walked(form, votes[1:], known, walk, shares))[0]
        return positive / self.heard


def _walked(
    form: ForestForm, votes: Floats, known: Floats, walk: Walk, shares: Sequence[Floats]
) -> Floats:
    """Expected votes below all nodes (v, k, n), of rows (n, f).

    votes: those of leaves, (v, k). shares: of the unsure nodes' right ways, (u, n) or (u, 1).
    """
    nodes, count = form.nodes, len(known)
    values, ways = np.ascontiguousarray(known.T), nodes.ways.ravel()
    result = np.repeat(votes[:, :, None], count, axis=2)
    flat = result.reshape(len(votes), -1)
    for (sure, unsure), share in zip(walk, shares, strict=True):
        value = values[nodes.feature[sure]]
        way = (value > nodes.threshold[sure][:, None]).astype(np.intp)
        way[np.isnan(value)] = UNKNOWN
        below = ways.take(3 * sure[:, None] + way)
        result[:, sure] = flat.take(below * count + np.arange(count), axis=1)
        left, right = (result[:, nodes.ways[unsure, way]] for way in (BELOW, ABOVE))
        right -= left
        right *= share
        right += left
        result[:, unsure] = right
    return result


def _summed(form: ForestForm, votes: Floats) -> Floats:
    """Sum (v, n) over the roots, tree after tree whatever the batch."""
    total = np.zeros((len(votes), votes.shape[2]))
    for root in form.roots.tolist():
        total += votes[:, root]
    return total


def _blocks(form: ForestForm, known: Floats) -> list[slice]:
    rows = max(8, ENTRIES // max(1, len(form.nodes.ways)))
    return [slice(begin, begin + rows) for begin in range(0, len(known), rows)]


def _same(nodes: Nodes, walk: Walk) -> Bools:
    """Nodes (k,) below which, themselves included, no split is on a known feature."""
    same = np.ones(len(nodes.ways), dtype=bool)
    for sure, unsure in walk:
        same[sure] = False
        same[unsure] = same[nodes.ways[unsure, BELOW]] & same[nodes.ways[unsure, ABOVE]]
    return same


def _heard(form: ForestForm) -> float | None:
    """Sum of the votes that a row hears, if it is the same wherever it goes."""
    nodes, total = form.nodes, form.votes.sum(axis=0)
    inner = np.isin(np.arange(len(total)), nodes.inner)
    heard = 0.0
    for root, end in zip(form.roots.tolist(), [*form.roots[1:].tolist(), len(total)], strict=True):
        own = total[root:end][~inner[root:end]]
        if not np.allclose(own, own[0], rtol=1e-14, atol=0.0) or own[0] <= 0.0:
            return None
        heard += float(own[0])
    return heard


def _layers(nodes: Nodes, roots: Indices) -> list[Indices]:
    """Inner nodes by their depth, from the roots downward."""
    inner = np.isin(np.arange(len(nodes.ways)), nodes.inner)
    layers, layer = [], roots[inner[roots]]
    while len(layer):
        layers.append(layer)
        layer = np.unique(nodes.ways[layer])
        layer = layer[inner[layer]]
    return layers


def _splits(
    nodes: Nodes, layers: Sequence[Indices]
) -> tuple[Indices, Floats, Floats, Floats, Bools, Bools]:
    """The arguments of ``Cells.of``, shape (k,). An unknown value goes the heavier way."""
    count = len(nodes.ways)
    below, above = (nodes.weight[nodes.ways[:, way]] for way in (BELOW, ABOVE))
    unknown = np.where(below < above, ABOVE, BELOW)
    parent, came = np.full((2, count), -1, dtype=np.intp)
    for layer in layers:
        for way in (UNKNOWN, BELOW, ABOVE):  # the way of the unknown may lead to a child as well
            parent[nodes.ways[layer, way]], came[nodes.ways[layer, way]] = layer, way
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    absent = np.ones(count, dtype=bool)
    at, up = np.arange(count), parent
    while (up >= 0).any():
        same = (up >= 0) & (nodes.feature[up] == nodes.feature)
        edge = nodes.threshold[up]
        low = np.where(same & (came[at] == ABOVE), np.maximum(low, edge), low)
        high = np.where(same & (came[at] == BELOW), np.minimum(high, edge), high)
        absent &= ~same | (came[at] == unknown[up])
        at, up = up, np.where(up >= 0, parent[up], -1)
    goes_above = unknown == ABOVE
    return nodes.feature, low, nodes.threshold, high, absent & ~goes_above, absent & goes_above
