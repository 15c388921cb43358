"""The gate: which policy to trust for which staleness pattern, learned from matured labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.learning.numerics import Bools, Floats

AVERAGE = np.array([0.4, 0.0, 0.2, 0.0, 0.4])
"""The average of policies that is an expert itself, in the order of POLICIES. Where several of them
are about as good, their average is better than each, and it costs less to learn that than which."""

WAYS = np.vstack((np.eye(len(AVERAGE)), AVERAGE))
"""Experts, shape (m, k), as shares of the k policies: each policy alone, and the average."""

PRIOR = np.array([0.35, 0.05, 0.15, 0.10, 0.35, 1.0]) / 2.0
"""π, in the order of WAYS. Half is the average's. Of the policies, ``latest`` and ``nowcast`` have
lost least in the study behind the design; the others begin with less, and cost ``log(1 / π_k)``
nats in all where they are best."""

SHARE = 1e-4
"""α / η: what is dealt out anew costs at most so many nats an example."""

MOST_PATTERNS = 2_000
"""Patterns remembered; a new one beyond them uses the next more general one."""

_LEAST = 1e-6


@dataclass(slots=True)
class _Node:
    """A pattern's weights, shape (m,). examples: seen by it. seen: its parent's examples then."""

    weights: Floats
    examples: int
    seen: int


class PolicyGate:
    """Bayes mixtures with a fixed share, one for each pattern, each drawn towards its parent.

    The experts are the policies, and an average of them. In a pattern the mixture says
    ``p = Σ_k w_k p_k`` of the experts' probabilities p_k. A matured label y with weight v moves
    the weights by

        w_k ∝ w_k p_k(y)^(η v),   η v cut to 1,   w ← (1 - α) w + α u

    u being the weights of the next more general pattern (of the most general one: the prior). The
    power η ≤ 1 stands for labels that speak of the same weeks: of the examples of a user whose
    horizons overlap all together count as one. As ``log Σ w p >= (1/η) log Σ w p^η``, the mixture
    loses at most ``log(1 / w_k) / η`` nats more than expert k from any time on at which that has
    the weight w_k, and ``-log(1 - α) / η ≈ SHARE`` an example.

    The share is dealt out with every example that the parent sees: a pattern that was not seen for
    long has gone back to what the more general one has learned since. A pattern seen first
    begins with its parent's weights.

    A policy that said nothing (NaN) is asleep: its weight stays, the others share theirs, and the
    average is that of those awake.

    Parameters
    ----------
    prior
        π, shape (m,), sums to 1.
    ways
        The experts, shape (m, k), as shares of the k policies.

    Examples
    --------
    >>> gate = PolicyGate(np.array([0.5, 0.5]), np.eye(2))
    >>> for _ in range(9): gate.update(["any", "a"], np.array([0.2, 0.6]), 1, 1.0, rate=1.0)
    >>> gate.frozen()["a"].round(2).tolist()
    [0.0, 1.0]

    References
    ----------
    M. Herbster, M. Warmuth, Tracking the best expert, Machine Learning 32 (1998). V. Vovk, A game
    of prediction with expert advice, JCSS 56 (1998). Y. Freund, R. Schapire, Y. Singer, M. Warmuth,
    Using and combining predictors that specialize, STOC (1997).

    """

    def __init__(self, prior: Floats = PRIOR, ways: Floats = WAYS) -> None:
        self.prior, self.ways = prior, ways
        self._nodes: dict[str, _Node] = {}
        self._parents: dict[str, str | None] = {}

    def update(
        self, keys: Sequence[str], predicted: Floats, label: int, weight: float, rate: float
    ) -> None:
        """Take in what each policy said of an example, shape (k,), NaN = nothing.

        keys: the pattern's path, the most general first. rate: η.
        """
        known = ~np.isnan(predicted)
        if known.sum() < 2:
            return
        shares, awake = _shares(self.ways, known)
        right = shares[awake] @ np.where(known, predicted if label else 1.0 - predicted, 0.0)
        power = min(rate * weight, 1.0)
        factors = np.clip(right, _LEAST, 1.0) ** power
        parent: _Node | None = None
        above = self.prior
        for number, key in enumerate(keys):
            node = self._node(key, keys[number - 1] if number else None, parent, above)
            if node is None:
                return
            weights = _drawn(node, parent, above, SHARE * rate)
            held = weights[awake].sum()
            own = weights[awake] * factors
            weights[awake] = own * (held / own.sum())
            node.weights, node.examples = weights, node.examples + 1
            node.seen = node.examples if parent is None else parent.examples
            parent, above = node, weights

    def frozen(self, rate: float = 1.0) -> dict[str, Floats]:
        """Weights of each pattern's experts as they are now, shape (m,), by its key."""
        found: dict[str, Floats] = {}
        for key, node in self._nodes.items():
            above = self._parents[key]
            parent = None if above is None else self._nodes[above]
            target = self.prior if above is None else found[above]
            found[key] = _drawn(node, parent, target, SHARE * rate)
        return found

    def general(self, rate: float = 1.0) -> dict[str, Floats]:
        """Weights of the policies, (k,), in the most general patterns, of one key and of two."""
        first = {key for key, parent in self._parents.items() if parent is None}
        return {
            key: weights @ self.ways
            for key, weights in self.frozen(rate).items()
            if key in first or self._parents[key] in first
        }

    def _node(
        self, key: str, parent_key: str | None, parent: _Node | None, above: Floats
    ) -> _Node | None:
        if key not in self._nodes:
            if len(self._nodes) >= MOST_PATTERNS:
                return None
            seen = 0 if parent is None else parent.examples
            self._nodes[key] = _Node(above.copy(), 0, seen)
            self._parents[key] = parent_key
        return self._nodes[key]


def _drawn(node: _Node, parent: _Node | None, above: Floats, share: float) -> Floats:
    """The node's weights, drawn to ``above`` for each example seen since it was moved."""
    steps = 1 if parent is None else parent.examples - node.seen
    kept = (1.0 - share) ** steps
    return kept * node.weights + (1.0 - kept) * above


def _shares(ways: Floats, awake: Bools) -> tuple[Floats, Bools]:
    """Experts as shares of those policies that are awake, (m, k), and which are awake, (m,)."""
    shares = ways * awake
    total = shares.sum(axis=1)
    some = total > 0.0
    return shares / np.where(some, total, 1.0)[:, None], some


def weights_of(
    frozen: Mapping[str, Floats],
    keys: Sequence[str],
    awake: Bools,
    prior: Floats = PRIOR,
    ways: Floats = WAYS,
) -> Floats:
    """Weights of the policies for a pattern, (k,), those asleep 0, summing to 1.

    frozen: weights of the experts. awake: bool[k], at least one. The pattern's own weights, else of
    the next more general one that is known, else the prior; the average's go to its policies.
    """
    known = next((frozen[key] for key in reversed(keys) if key in frozen), prior)
    shares, able = _shares(ways, awake)
    own = np.where(able, known, 0.0)
    if own.sum() <= 0.0:
        own = np.where(able, prior, 0.0)
    weights: Floats = own @ shares / own.sum()
    return weights
