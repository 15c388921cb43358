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


@dataclass(frozen=True, slots=True)
class SoftForest:
    """What marginalising needs to know of a form, worked out once.

    layers: inner nodes, the deepest first; the nodes below a layer's are leaves or in those before.
    right, shape (k,): share of the training weight that went above the node's threshold. cell,
    shape (k,): the node's cell. Both mean nothing at leaves.
    """

    layers: tuple[Indices, ...]
    right: Floats
    cells: Cells
    cell: Indices

    @classmethod
    def of(cls, form: ForestForm) -> SoftForest:
        """Walk down from the roots."""
        nodes = form.nodes
        layers = _layers(nodes, form.roots)
        below, above = (nodes.weight[nodes.ways[:, way]] for way in (BELOW, ABOVE))
        total = below + above
        right = np.divide(above, total, out=np.full(len(total), 0.5), where=total > 0.0)
        cells, cell = Cells.of(*_splits(nodes, layers))
        return cls(tuple(reversed(layers)), right, cells, cell)

    def marginal(self, form: ForestForm, known: Floats, columns: Indices, how: Degrade) -> Floats:
        """P(churn) (n,) of rows (n, f), all of which have these features (c,) masked."""
        right = self.right if how == "average" else (self.right > 0.5).astype(float)
        walk = self._walk(form, columns)
        shares = [right[soft][:, None] for _, soft in walk]
        return np.concatenate([_said(form, known[b], walk, shares) for b in _blocks(form, known)])

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
            parts.append(_said(form, known[block], walk, shares))
        return np.concatenate(parts)

    def _walk(self, form: ForestForm, columns: Indices) -> list[tuple[Indices, Indices]]:
        """Of each layer the nodes that split on a known feature, and the others."""
        unsure = np.isin(form.nodes.feature, columns)
        return [(layer[~unsure[layer]], layer[unsure[layer]]) for layer in self.layers]


def _blocks(form: ForestForm, known: Floats) -> list[slice]:
    rows = max(8, ENTRIES // max(1, len(form.nodes.ways)))
    return [slice(begin, begin + rows) for begin in range(0, len(known), rows)]


def _said(
    form: ForestForm,
    known: Floats,
    walk: Sequence[tuple[Indices, Indices]],
    shares: Sequence[Floats],
) -> Floats:
    """P(churn) (n,) of rows (n, f); shares: of the unsure nodes' right ways, (u, n) or (u, 1)."""
    nodes, count = form.nodes, len(known)
    values, ways = np.ascontiguousarray(known.T), nodes.ways.ravel()
    votes = np.repeat(form.votes[:, :, None], count, axis=2)
    flat = votes.reshape(2, -1)
    for (sure, unsure), share in zip(walk, shares, strict=True):
        value = values[nodes.feature[sure]]
        way = (value > nodes.threshold[sure][:, None]).astype(np.intp)
        way[np.isnan(value)] = UNKNOWN
        below = ways.take(3 * sure[:, None] + way)
        votes[:, sure] = flat.take(below * count + np.arange(count), axis=1)
        left, right = (votes[:, nodes.ways[unsure, way]] for way in (BELOW, ABOVE))
        votes[:, unsure] = (1.0 - share) * left + share * right
    negative, positive = np.zeros((2, count))
    for root in form.roots.tolist():
        negative += votes[0, root]
        positive += votes[1, root]
    total = negative + positive
    return np.divide(positive, total, out=positive, where=total > 0.0)


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
