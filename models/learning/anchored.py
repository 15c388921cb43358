"""Keeps a classifier near the base rate until it has seen enough of both classes."""

from __future__ import annotations

from typing import Any

from river import base, compose

from models.learning.base_rate import BaseRate


class Anchored(base.Classifier):
    """A classifier's probability, mixed with the base rate while labels are few.

    ``p = (1 - s) base + s p_model`` with s the base rate's ``trust`` (see ``BaseRate``): ten
    examples cannot make a wild score, and a tree's 0 or 1 stays off the ends, so that its log
    loss stays finite. A model without an opinion leaves the base rate.

    Parameters
    ----------
    classifier
        The binary River classifier that learns, or a pipeline ending in one.
    prior
        Base rate before anything was learned.
    prior_weight
        How many examples the prior counts for.
    patience
        Examples of the rarer class at which model and base rate count equally.

    Examples
    --------
    >>> from river import linear_model
    >>> model = Anchored(linear_model.LogisticRegression(), prior=0.02)
    >>> model.predict_proba_one({"clicks": 3.0})[True]
    0.02

    """

    def __init__(
        self,
        classifier: base.Classifier | compose.Pipeline,
        prior: float = 0.1,
        prior_weight: float = 100.0,
        patience: float = 100.0,
    ) -> None:
        self.classifier = classifier
        self.prior = prior
        self.prior_weight = prior_weight
        self.patience = patience
        self._base = BaseRate(prior, prior_weight)

    @classmethod
    def _unit_test_params(cls) -> Any:
        from river import linear_model

        yield {"classifier": linear_model.LogisticRegression()}

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:
        """Learn one example of weight ``w``."""
        weight: dict[str, Any] = {} if w == 1.0 else {"w": w}
        self.classifier.learn_one(x, bool(y), **weight)
        self._base.update(bool(y), w)

    def predict_proba_one(self, x: dict[Any, Any], **kwargs: Any) -> dict[Any, float]:
        """Probabilities of True and False."""
        rate, trust = self._base.rate(), self._base.trust(self.patience)
        own = self.classifier.predict_proba_one(x, **kwargs).get(True, rate)
        p = (1.0 - trust) * rate + trust * own
        return {True: p, False: 1.0 - p}
