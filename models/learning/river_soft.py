"""River's own objects, asked about rows of which some features are masked or only believed.

For what has no arrays (naive Bayes leaves, nominal splits, trees of other kinds), and the plain
form of what ``compiled`` does a batch at a time:

- trees and forests of Hoeffding trees, adaptive ones too: at a split on a masked feature both ways
  (all ways) count, by the training weight that went down them; at one on a believed feature by
  the odds of ``compiled.cells``. A naive Bayes leaf leaves such features out, as its assumption
  has it. A nominal split knows no belief: its ways count by their training weight.
- any other classifier: what is masked is left out of the dict, what is believed is its mean.

J. R. Quinlan, C4.5: Programs for Machine Learning (1993), section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.learning.anchored import Anchored
from models.learning.compiled.cells import LEAST, TAIL
from models.learning.guard import FiniteOnly
from models.staleness.belief import Degrade, Soft

Row = Mapping[Any, Any]
Path = tuple[tuple[Any, int], ...]
"""Branches above a node, each with the child taken."""
Shares = Callable[[Any, Path], list[float]]
"""Shares of a branch's children, below a path."""


@dataclass(frozen=True, slots=True)
class Normal:
    """Belief about one feature, or its prior, on the feature's scale."""

    mean: float
    spread: float
    absent: float

    def mass(self, low: float, high: float) -> float:
        """Chance of a value in (low, high]."""
        ends = ((edge - self.mean) / (self.spread * math.sqrt(2.0)) for edge in (low, high))
        below, within = (0.5 * math.erfc(-end) for end in ends)
        return (1.0 - self.absent) * max(0.0, within - below)


@dataclass(frozen=True, slots=True)
class Believed:
    """What is believed about one feature of one row, against what is of anyone."""

    logged: bool
    belief: Normal
    prior: Normal

    @classmethod
    def of(cls, soft: Soft, feature: int, row: int) -> Believed:
        """Take it from arrays."""
        return cls(
            bool(soft.logged[feature]),
            Normal(*(float(part[feature, row]) for part in (soft.mean, soft.spread, soft.absent))),
            Normal(
                float(soft.prior_mean[feature, 0]),
                float(soft.prior_spread[feature, 0]),
                float(soft.prior_absent[feature, 0]),
            ),
        )

    def odds(self, threshold: float, low: float, high: float, unknown: int | None) -> float:
        """What multiplies the right way's odds: ``compiled.cells`` has the formula.

        unknown: which way an unknown value takes; None if the path has left it.
        """
        low, at, high = (self._on_scale(edge) for edge in (low, threshold, high))
        at, high = min(max(at, low), max(low, high)), max(low, high)
        tail = max(TAIL * self.belief.spread / self.prior.spread, LEAST)
        left, right = (
            (self.belief.mass(*ends) + self.belief.absent * (unknown == way) + tail)
            / (self.prior.mass(*ends) + self.prior.absent * (unknown == way) + TAIL)
            for way, ends in enumerate(((low, at), (at, high)))
        )
        return right / left

    def _on_scale(self, value: float) -> float:
        return math.copysign(math.log1p(abs(value)), value) if self.logged else value


def marginal_one(model: Any, row: Row, masked: set[Any], how: Degrade) -> float | None:
    """P(True) of a row without the features that are masked; None without an opinion."""

    def shares(branch: Any, _: Path) -> list[float]:
        if how == "most_common":
            heaviest = branch.most_common_path()[0]
            return [float(way == heaviest) for way in range(len(branch.children))]
        return _by_weight(branch)

    known = {name: value for name, value in row.items() if name not in masked}
    return _ask(model, known, known, masked, shares)


def expected_one(model: Any, row: Row, believed: Mapping[Any, Believed]) -> float | None:
    """P(True) of a row that has the beliefs' means; None without an opinion."""

    def shares(branch: Any, path: Path) -> list[float]:
        if not hasattr(branch, "threshold"):
            return _by_weight(branch)
        low, high, unknown = _left_by(path, branch)
        odds = believed[branch.feature].odds(branch.threshold, low, high, unknown)
        left, right = _by_weight(branch)
        return [left / (left + right * odds), right * odds / (left + right * odds)]

    known = {name: value for name, value in row.items() if name not in believed}
    return _ask(model, known, row, set(believed), shares)


def _ask(model: Any, known: Row, guessed: Row, unsure: set[Any], shares: Shares) -> float | None:
    """Ask trees about what is known, and by shares; other models about what is guessed."""
    if isinstance(model, Anchored):
        own = _ask(model.classifier, known, guessed, unsure, shares)
        rate, trust = model._base.rate(), model._base.trust(model.patience)
        return (1.0 - trust) * rate + trust * (rate if own is None else own)
    if hasattr(model, "steps"):
        *guards, last = model.steps.values()
        if all(type(step) is FiniteOnly for step in guards):
            return _ask(last, _through(guards, known), _through(guards, guessed), unsure, shares)
    trees = _trees(model)
    if not trees:
        said: float | None = model.predict_proba_one(dict(guessed)).get(True)
        return said
    if not any(True in tree.classes for tree, _ in trees):
        return None
    total = {False: 0.0, True: 0.0}
    for tree, weight in trees:
        for share, votes in _heard(tree, known, unsure, shares):
            for label in total:
                total[label] += weight * share * votes.get(label, 0.0)
    return total[True] / (sum(total.values()) or 1.0)


def _through(guards: list[FiniteOnly], row: Row) -> Row:
    for guard in guards:
        row = guard.transform_one(dict(row))
    return row


def _trees(model: Any) -> list[tuple[Any, float]]:
    """Hoeffding trees and the weights of their votes, as in River; none of any other model."""
    if hasattr(model, "_root"):
        return [(model, 1.0)]
    if not hasattr(model, "disable_weighted_vote"):
        return []
    metrics = [0.0 if model.disable_weighted_vote else each.get() for each in model._metrics]
    return [(tree, m if m > 0.0 else 1.0) for tree, m in zip(model, metrics, strict=False)]


def _heard(
    tree: Any, known: Row, unsure: set[Any], shares: Shares
) -> Iterator[tuple[float, dict[Any, float]]]:
    """Votes at the end of each way down a tree, summing to 1, and the way's share."""
    if tree._root is None:
        return
    for share, leaves in _ways(tree._root, known, unsure, shares, ()):
        votes: dict[Any, float] = {}
        for leaf in leaves:
            for label, vote in (leaf.prediction(known, tree=tree) or {}).items():
                votes[label] = votes.get(label, 0.0) + vote
        total = sum(votes.values())
        if total > 0.0:
            yield share, {label: vote / total for label, vote in votes.items()}


def _ways(
    node: Any, known: Row, unsure: set[Any], shares: Shares, path: Path
) -> Iterator[tuple[float, list[Any]]]:
    """Ways down from a node: the share of each, and the leaves that vote there."""
    if not hasattr(node, "children"):
        yield 1.0, [node]
        return
    alternate = getattr(node, "_alternate_tree", None)
    heard = [] if alternate is None else [alternate]
    feature = node.feature
    if feature in unsure:
        taken = enumerate(shares(node, path))
        ways = [(way, share, 1) for way, share in taken if share > 0.0]
    else:
        way, times = _way(node, known)
        ways = [(way, 1.0, times)]
    for way, share, times in ways:
        child, further = node.children[way], (*path, (node, way))
        # River passes the child that a missing value goes to twice, so its alternate votes twice.
        again = [getattr(child, "_alternate_tree", None)] * (times - 1)
        for more, leaves in _ways(child, known, unsure, shares, further):
            yield share * more, [*heard, *(each for each in again if each), *leaves]


def _way(branch: Any, known: Row) -> tuple[int, int]:
    """Which child a row goes to, and how often River passes it."""
    try:
        return branch.branch_no(known), 1
    except KeyError:
        return branch.most_common_path()[0], 2


def _by_weight(branch: Any) -> list[float]:
    """Share of each child in the training weight; alike if there was none."""
    weights = [float(child.total_weight) for child in branch.children]
    total = sum(weights)
    return [w / total if total > 0.0 else 1.0 / len(weights) for w in weights]


def _left_by(path: Path, branch: Any) -> tuple[float, float, int | None]:
    """What a path has left of a branch's feature: (low, high], and the way of an unknown value."""
    low, high = -math.inf, math.inf
    unknown: int | None = branch.most_common_path()[0]
    for above, way in path:
        if above.feature != branch.feature:
            continue
        if way == 0:
            high = min(high, above.threshold)
        else:
            low = max(low, above.threshold)
        if way != above.most_common_path()[0]:
            unknown = None
    return low, high, unknown
