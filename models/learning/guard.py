"""What stands between the world's values and a model, as River transformers.

NaN is silent in River's trees and poisons its scalers and linear models for ever; None raises
in all of them. So neither ever reaches a model: what is not a finite number is left out of
the dict, which every River model understands as "not known".
"""

from __future__ import annotations

import math
import numbers
from collections import Counter
from typing import Any

from river import base

from models.learning.numerics import LARGEST

Row = dict[Any, Any]


def number(value: Any) -> float:
    """Value as a float within ``±LARGEST``; NaN for None, text, whatever else is no finite number.

    >>> number(True), number(None), number(float("inf")), number("3"), number(-1e300)
    (1.0, nan, nan, nan, -1e+150)
    """
    if not isinstance(value, numbers.Real):
        return math.nan
    result = float(value)
    return min(max(result, -LARGEST), LARGEST) if math.isfinite(result) else math.nan


class FiniteOnly(base.Transformer):
    """Leaves out every value that is not a finite number, and counts it; cuts absurd magnitudes.

    Counting happens when learning; transforming changes nothing.

    Attributes
    ----------
    missing
        For each feature, how many values were left out while learning.

    Examples
    --------
    >>> guard = FiniteOnly()
    >>> x = {"clicks": 3, "score": None, "age": float("nan")}
    >>> guard.learn_one(x)
    >>> guard.transform_one(x), dict(guard.missing)
    ({'clicks': 3.0}, {'score': 1, 'age': 1})

    """

    def __init__(self) -> None:
        self.missing: Counter[Any] = Counter()

    def learn_one(self, x: Row) -> None:
        """Count what is not a finite number."""
        self.missing.update(name for name, value in x.items() if math.isnan(number(value)))

    def transform_one(self, x: Row) -> Row:
        """Keep the finite numbers, as floats within ``±LARGEST``."""
        known = {name: number(value) for name, value in x.items()}
        return {name: value for name, value in known.items() if not math.isnan(value)}


class SignedLog(base.Transformer):
    """Signed log1p: tames counts, sums and anything else with a heavy tail.

    Parameters
    ----------
    raw
        Names of features that are left as they are.

    Examples
    --------
    >>> SignedLog(raw=("day",)).transform_one({"clicks": 0.0, "day": 6.0})
    {'clicks': 0.0, 'day': 6.0}

    """

    def __init__(self, raw: tuple[str, ...] | None = None) -> None:
        self.raw = raw

    def transform_one(self, x: Row) -> Row:
        """Compress every value that is not ``raw``."""
        raw = self.raw or ()
        return {
            name: value if name in raw else math.copysign(math.log1p(abs(value)), value)
            for name, value in x.items()
        }


class Clip(base.Transformer):
    """Bounds standardised values, so that one extreme row cannot throw a linear model.

    Parameters
    ----------
    limit
        Largest magnitude that passes, in standard deviations after a StandardScaler.

    Examples
    --------
    >>> Clip(4.0).transform_one({"clicks": 250.0, "age": -0.5})
    {'clicks': 4.0, 'age': -0.5}

    """

    def __init__(self, limit: float = 4.0) -> None:
        self.limit = limit

    def transform_one(self, x: Row) -> Row:
        """Bound every value to ``±limit``."""
        return {name: min(self.limit, max(-self.limit, value)) for name, value in x.items()}
