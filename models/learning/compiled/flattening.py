"""River's Hoeffding trees, walked once and written down as arrays.

Which way a missing value goes, and what a leaf votes, is asked of River's own nodes
(``most_common_path``, ``prediction``), so there is one opinion about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from river.tree.nodes.arf_htc_nodes import RandomLeafMajorityClass
from river.tree.nodes.branch import NumericBinaryBranch
from river.tree.nodes.hatc_nodes import AdaLeafClassifier, AdaNumBinaryBranchClass

from models.learning.compiled.errors import NotCompilable
from models.learning.compiled.forest import ForestForm
from models.learning.compiled.nodes import ABOVE, BELOW, UNKNOWN, Nodes

MAX_NODES = 200_000
"""Nodes in all. Subtrees are repeated for alternates (see ``_branch``), in theory without end."""

_LEAVES = (RandomLeafMajorityClass, AdaLeafClassifier)
_BRANCHES = (NumericBinaryBranch, AdaNumBinaryBranchClass)

_Votes = tuple[float, float]
"""For the negative and for the positive class."""
_SILENT = (0.0, 0.0)


class Flattener:
    """Collects trees into one set of arrays.

    Parameters
    ----------
    features
        Names of the matrix's columns.

    """

    def __init__(self, features: Sequence[str]) -> None:
        self._columns = {name: column for column, name in enumerate(features)}
        self._roots: list[int] = []
        self._feature: list[int] = []
        self._threshold: list[float] = []
        self._ways: list[list[int]] = []
        self._weight: list[float] = []
        self._votes: list[_Votes] = []
        self._depth = 0

    def add(self, tree: Any, weight: float = 1.0) -> None:
        """Add a Hoeffding tree, all its votes times ``weight``. Raises NotCompilable."""
        if tree._root is None:
            return
        if tree.leaf_prediction != tree._MAJORITY_CLASS:
            raise NotCompilable(f"leaves predict by {tree.leaf_prediction!r}")
        self._roots.append(len(self._ways))
        # Nodes to write down, with the votes of the alternates above, and whose ways lead here.
        todo: list[tuple[Any, _Votes, list[tuple[int, int]], int]]
        todo = [(tree._root, _alternate(tree._root, tree), [], 0)]
        while todo:
            node, votes, ways_here, depth = todo.pop()
            index = self._append(node)
            for parent, way in ways_here:
                self._ways[parent][way] = index
            if type(node) in _LEAVES:
                negative, positive = _heard(_sum(votes, _response(node, tree)), node)
                self._votes[index] = (negative * weight, positive * weight)
                self._depth = max(self._depth, depth)
            else:
                todo += [
                    (child, _sum(votes, more), [(index, way) for way in ways], depth + 1)
                    for child, more, ways in _branch(node, tree)
                ]

    def form(self) -> ForestForm:
        """Arrays of all trees added."""
        nodes = Nodes(
            feature=np.array(self._feature, dtype=np.intp),
            threshold=np.array(self._threshold, dtype=float),
            ways=np.array(self._ways, dtype=np.intp).reshape(-1, 3),
            weight=np.array(self._weight, dtype=float),
            depth=self._depth,
        )
        votes = np.array(self._votes, dtype=float).reshape(-1, 2)
        return ForestForm(
            nodes, np.array(self._roots, dtype=np.intp), np.ascontiguousarray(votes.T)
        )

    def _append(self, node: Any) -> int:
        """Write a node down as a leaf, or as a branch whose ways are not known yet."""
        index = len(self._ways)
        if index >= MAX_NODES:
            raise NotCompilable(f"more than {MAX_NODES} nodes")
        column, threshold = 0, 0.0
        if type(node) in _BRANCHES:
            column, threshold = self._column(node.feature), node.threshold
        elif type(node) not in _LEAVES:
            raise NotCompilable(f"a {type(node).__name__}")
        self._feature.append(column)
        self._threshold.append(threshold)
        self._ways.append([index] * 3)
        self._weight.append(node.total_weight)
        self._votes.append(_SILENT)
        return index

    def _column(self, feature: Any) -> int:
        if feature not in self._columns:
            raise NotCompilable(f"a split on {feature!r}, which is no feature")
        return self._columns[feature]


def _branch(branch: Any, tree: Any) -> Iterator[tuple[Any, _Votes, tuple[int, ...]]]:
    """Children, the votes of their alternates, and the ways that lead to them.

    A missing value goes to the heavier child. River then passes that child twice, so its
    alternate votes twice: what is below is written down once more, with those votes.
    """
    common = branch.most_common_path()[0]
    for way, child in zip((BELOW, ABOVE), branch.children, strict=True):
        alternate = _alternate(child, tree)
        if way != common:
            yield child, alternate, (way,)
        elif alternate == _SILENT:
            yield child, alternate, (way, UNKNOWN)
        else:
            yield child, alternate, (way,)
            yield child, _sum(alternate, alternate), (UNKNOWN,)


def _alternate(node: Any, tree: Any) -> _Votes:
    """What the alternate of a branch votes, which every row that comes by hears as well.

    In River 0.26.1 an alternate is a leaf for ever: when it splits, the split replaces the main
    subtree. Were it a branch, River could not predict.
    """
    alternate = getattr(node, "_alternate_tree", None)
    if alternate is None:
        return _SILENT
    if type(alternate) not in _LEAVES:
        raise NotCompilable("an alternate tree that has split")
    return _response(alternate, tree)


def _response(leaf: Any, tree: Any) -> _Votes:
    votes = leaf.prediction({}, tree=tree) or {}
    return votes.get(False, 0.0), votes.get(True, 0.0)


def _heard(votes: _Votes, leaf: Any) -> _Votes:
    """What a row hears in one tree; an adaptive tree's leaves differ in weight until the end."""
    total = sum(votes)
    if type(leaf) is not AdaLeafClassifier or total <= 0.0:
        return votes
    return votes[0] / total, votes[1] / total


def _sum(one: _Votes, other: _Votes) -> _Votes:
    return one[0] + other[0], one[1] + other[1]
