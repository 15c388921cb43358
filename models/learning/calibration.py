"""Are the probabilities true? Predicted against observed, group by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.learning.diagnosis import Compared
from models.learning.numerics import Floats
from models.learning.quarters import quarters
from models.spec import Spec
from schemas.times import format_time

SURE = 3.0
"""Standard errors beyond which a group is called off."""


@dataclass(frozen=True, slots=True)
class Group:
    """Examples of a group; predicted and observed are weighted means.

    off: observed minus predicted, in standard errors, if every probability were true:
    ``Σ w (y - p) / sqrt(Σ w² p (1 - p))`` (D. Spiegelhalter, Probabilistic prediction in patient
    management and clinical trials, Statistics in Medicine 5, 1986, for a group). Labels of
    neighbouring cuts depend on each other, so it is larger than it ought to be.
    """

    by: str
    name: str
    examples: int
    predicted: float
    observed: float
    off: float

    @property
    def is_off(self) -> bool:
        """Whether that is more than chance explains."""
        return abs(self.off) > SURE


def calibration(spec: Spec, compared: Compared, segment: str | None = None) -> list[Group]:
    """Groups by band of the score, by time, and by quarters of a feature's values (``segment``)."""
    bounds = np.array([bound for _, bound in spec.scoring.bands])
    names = [name for name, _ in spec.scoring.bands]
    bands = np.maximum(np.searchsorted(bounds, compared.probabilities, side="right") - 1, 0)
    found = _groups("band", compared, bands, lambda i: names[i])
    found += _quarters("time", compared, compared.epochs, lambda value: format_time(int(value)))
    if segment is not None:
        values = [example.vector.get(segment, np.nan) for example in compared.examples]
        found += _quarters(segment, compared, np.array(values, dtype=float), lambda v: f"{v:g}")
    return found


def _quarters(
    by: str, compared: Compared, values: Floats, name: Callable[[float], str]
) -> list[Group]:
    """Groups by quarters of the values; a group of its own for those that are not known."""
    parts = quarters(values)
    if not parts:
        return []
    places = np.zeros(len(values), dtype=np.intp)
    for i, part in enumerate(parts):
        places[part.inside] = i

    def title(i: int) -> str:
        low, high = parts[i].low, parts[i].high
        if low is None or high is None:
            return "not known"
        return name(low) if low == high else f"{name(low)} … {name(high)}"

    return _groups(by, compared, places, title)


def _groups(
    by: str, compared: Compared, places: np.ndarray, title: Callable[[int], str]
) -> list[Group]:
    found = []
    for i in np.unique(places).tolist():
        part = places == i
        w, y, p = compared.weights[part], compared.labels[part], compared.probabilities[part]
        spread = float(np.sqrt((w**2 * p * (1.0 - p)).sum()))
        off = float((w * (y - p)).sum()) / spread if spread > 0.0 else 0.0
        predicted, observed = (float(np.average(v, weights=w)) for v in (p, y))
        found.append(Group(by, title(i), int(part.sum()), predicted, observed, off))
    return found


def worst(groups: Sequence[Group]) -> Group | None:
    """The group that is furthest off, if any is."""
    return max((group for group in groups if group.is_off), key=lambda g: abs(g.off), default=None)
