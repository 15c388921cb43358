"""Weights of a mixture's members, from how each has predicted."""

from __future__ import annotations

import numpy as np

from models.learning.numerics import Floats


class Gate:
    """Hedge with a fixed share: members that predict better weigh more, none is ever lost.

        w_k ← w_k exp(-η loss_k) / Σ,   w_k ← (1 - α) w_k + α π_k

    The loss of a mixture of logits is at most the weighted mean of its members' losses (the log
    loss is convex in the logit), so Hedge's bound holds for it: in T examples it loses at most
    ``-log(π_k) / η + η T B² / 8`` more than member k, B being the range of the losses; the
    share α makes that true from any time on, within about ``1 / α`` examples.

    Parameters
    ----------
    prior
        π, shape (k,), sums to 1: the weights at first, and what they are drawn back to. A member
        that is a precaution (one that forgets, say) costs little where it begins with little.
    eta
        η, the learning rate. Small, as neighbouring labels are not independent.
    share
        α, the weight that is dealt out anew after each example.

    Examples
    --------
    >>> gate = Gate(np.array([0.5, 0.5]), eta=0.1, share=0.001)
    >>> for _ in range(10): gate.update(np.array([0.5, 0.7]))
    >>> gate.weights.round(2).tolist()
    [0.55, 0.45]

    References
    ----------
    Y. Freund, R. Schapire, A decision-theoretic generalization of on-line learning, JCSS 55
    (1997). M. Herbster, M. Warmuth, Tracking the best expert, Machine Learning 32 (1998).

    """

    def __init__(self, prior: Floats, eta: float, share: float) -> None:
        self.prior = prior
        self.eta = eta
        self.share = share
        self.weights = prior

    def update(self, losses: Floats) -> None:
        """Take in what each member lost on an example, shape (k,)."""
        weights = self.weights * np.exp(-self.eta * (losses - losses.min()))
        weights /= weights.sum()
        self.weights = (1.0 - self.share) * weights + self.share * self.prior
