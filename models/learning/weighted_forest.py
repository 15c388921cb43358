"""River's adaptive random forest, which leaves examples' weights out, with them."""

from __future__ import annotations

from typing import Any

from river import forest

MOST = 500.0
"""Above this ``exp(-rate)``, which River's Poisson sampler begins with, loses its precision."""


class WeightedForest(forest.ARFClassifier):
    """An adaptive random forest whose trees see an example of weight w Poisson(λw) times.

    River's own draws Poisson(λ), whatever the weight: with negatives thinned to 5 % it said .48
    where .12 was true. In online bagging the weight belongs into the rate (N. Oza, S. Russell,
    Online bagging and boosting, AISTATS 2001). Equal to River's for w = 1.

    Examples
    --------
    >>> model = WeightedForest(n_models=2, seed=1)
    >>> for i in range(30):
    ...     model.learn_one({"x": i % 3}, i % 3 == 0, w=2.0)
    >>> model.predict_one({"x": 0})
    True

    """

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0, **_: Any) -> None:
        """Learn one example of weight ``w``."""
        usual = self.lambda_value
        self.lambda_value = min(usual * w, MOST)  # type: ignore[assignment]  # any rate will do
        try:
            super().learn_one(x, y)
        finally:
            self.lambda_value = usual
