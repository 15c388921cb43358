"""What each feature adds to a logit: contributions that sum, with an intercept, to it.

Linear models add up by themselves. A tree's value is dealt out to the features on the row's path
by their Shapley values, in the game whose coalition S is worth what the tree expects when only
the features in S are known: at a split on another one both ways are taken, weighted by the
training weight that went down them. That expectation is also what a source that is masked gets
(policy ``degrade``), so that reasons and treatment speak of the same thing. A tree has at most
2^depth coalitions, and what a feature gets depends on the row by its leaf alone: everything is
computed once for each leaf, exactly, and looked up afterwards. (Saabas' attribution, by
the change of the expectation down the path, would credit the first levels with less than the last
for the same effect, as in an oblivious tree the order of levels is an accident of its growth.)

S. Lundberg et al., From local explanations to global understanding with explainable AI for trees,
Nature Machine Intelligence 2 (2020), path-dependent expectation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np

from models.learning.compiled.mixture import MixtureForm
from models.learning.compiled.oblivious import BLOCK, ObliviousForm
from models.learning.linear import LinearForm
from models.learning.numerics import Floats


class Attribution(Protocol):
    """``logit = intercept + contributions.sum(axis=1)``."""

    @property
    def intercept(self) -> float:
        """Logit of a row of which nothing is said."""

    def contributions(self, matrix: Floats) -> Floats:
        """Logit contributions, shape (n, f), of a matrix (n, f) of raw values."""


@dataclass(frozen=True, slots=True)
class TreeAttribution:
    """Shapley values of oblivious trees: ``shares[t, l, leaf]`` goes to ``feature[t, l]``."""

    form: ObliviousForm
    intercept: float
    shares: Floats

    @classmethod
    def of(cls, form: ObliviousForm) -> TreeAttribution:
        """Compute the shares of all leaves."""
        worth = _worth(form)
        patterns = np.argmax(form.feature[:, :, None] == form.feature[:, None, :], axis=2)
        shares = np.zeros((*form.feature.shape, form.values.shape[1]))
        for pattern in np.unique(patterns, axis=0):
            alike = (patterns == pattern).all(axis=1)
            shares[alike] = np.einsum("lm,tmk->tlk", _coefficients(pattern.tolist()), worth[alike])
        return cls(form, form.intercept + math.fsum(worth[:, 0, 0].tolist()), shares)

    def contributions(self, matrix: Floats) -> Floats:
        """Contributions (n, f)."""
        result = np.zeros(matrix.shape)
        for begin in range(0, len(matrix), BLOCK):
            block = slice(begin, begin + BLOCK)
            leaf = self.form.leaves(matrix[block])
            parts = np.zeros(matrix[block].T.shape)
            for features, shares, own in zip(self.form.feature, self.shares, leaf, strict=True):
                for feature, share in zip(features.tolist(), shares, strict=True):
                    parts[feature] += share.take(own)
            result[block] = parts.T
        return result


@dataclass(frozen=True, slots=True)
class MixtureAttribution:
    """The weighted mean of the members' contributions: exact, as their logits are averaged."""

    weights: Floats
    members: Sequence[Attribution]

    @property
    def intercept(self) -> float:
        """The weighted mean of the members'."""
        return float(self.weights @ np.array([member.intercept for member in self.members]))

    def contributions(self, matrix: Floats) -> Floats:
        """Contributions (n, f)."""
        result = np.zeros(matrix.shape)
        for weight, member in zip(self.weights.tolist(), self.members, strict=True):
            result += weight * member.contributions(matrix)
        return result


def attribution(form: Any) -> Attribution | None:
    """What says how much each feature adds; None for a form that does not add up in logits."""
    if isinstance(form, LinearForm):
        return form
    if isinstance(form, ObliviousForm):
        return TreeAttribution.of(form)
    if isinstance(form, MixtureForm):
        members = [attribution(member) for member in form.members]
        known = [member for member in members if member is not None]
        return MixtureAttribution(form.weights, known) if len(known) == len(members) else None
    return None


def _worth(form: ObliviousForm) -> Floats:
    """Expectation (t, 2^d coalitions of levels, 2^d leaves); the first level has the highest bit.

    Where no training weight went down both ways count alike.
    """
    trees, leaves = form.values.shape
    depth = form.feature.shape[1]
    worth = np.empty((trees, leaves, leaves))
    for known in range(leaves):
        expected = form.values
        for level in reversed(range(depth)):
            if not known >> (depth - 1 - level) & 1:
                expected = _averaged(expected, form.weights, level)
        worth[:, known] = expected
    return worth


def _averaged(expected: Floats, weights: Floats, level: int) -> Floats:
    """Take the mean of the two ways at each node of a level, the same for all leaves below."""
    shape = (len(weights), 1 << level, 2, weights.shape[1] >> (level + 1))
    went = weights.reshape(shape).sum(axis=3, keepdims=True)
    total = went.sum(axis=2, keepdims=True)
    share = np.divide(went, total, out=np.full(went.shape, 0.5), where=total > 0.0)
    ways = expected.reshape(shape)
    mean = (share * ways).sum(axis=2, keepdims=True)
    return np.broadcast_to(mean, ways.shape).reshape(expected.shape)


def _coefficients(pattern: Sequence[int]) -> Floats:
    """Shapley value of each level (d, 2^d), as a sum over coalitions of levels.

    pattern: for each level the first one with its feature. Levels with the same feature are one
    player; the first has its value, the others 0.
    """
    depth = len(pattern)
    masks = {
        player: sum(1 << (depth - 1 - level) for level in range(depth) if pattern[level] == player)
        for player in set(pattern)
    }
    result = np.zeros((depth, 1 << depth))
    for player, own in masks.items():
        others = [mask for other, mask in masks.items() if other != player]
        for size in range(len(others) + 1):
            chance = 1.0 / (len(masks) * math.comb(len(others), size))
            for coalition in combinations(others, size):
                result[player, sum(coalition) | own] += chance
                result[player, sum(coalition)] -= chance
    return result
