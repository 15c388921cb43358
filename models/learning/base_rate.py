"""The running base rate: what to say when nothing else is known, and how far to trust more."""

from __future__ import annotations


class BaseRate:
    """Running rate of positives, beginning at a prior that counts for some examples.

    ``rate = (positives + weight * prior) / (all + weight)``.

    Examples
    --------
    >>> base = BaseRate(prior=0.1, weight=10)
    >>> base.rate(), base.trust(patience=20)
    (0.1, 0.0)
    >>> for label in (True, False): base.update(label, 1.0)
    >>> round(base.rate(), 4), round(base.trust(patience=20), 4)
    (0.1667, 0.0476)

    """

    def __init__(self, prior: float, weight: float) -> None:
        self.prior = prior
        self.weight = weight
        self.totals = [0.0, 0.0]
        self.counts = [0, 0]

    def update(self, label: bool, weight: float) -> None:
        """Count an example of that class and weight."""
        self.totals[label] += weight
        self.counts[label] += 1

    def rate(self) -> float:
        """P(positive) of the average example."""
        negatives, positives = self.totals
        return (positives + self.weight * self.prior) / (negatives + positives + self.weight)

    def trust(self, patience: float) -> float:
        """How far a model learned from this deserves trust, 0 to 1: ``m / (m + patience)``.

        m is the number of examples of the rarer class: what a classifier's accuracy hangs on.
        """
        rarer = min(self.counts)
        return rarer / (rarer + patience)
