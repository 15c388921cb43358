"""Examples in a few groups by the values of a feature, for asking how true the model is in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.learning.numerics import Bools, Floats

PARTS = 4


@dataclass(frozen=True, slots=True)
class Part:
    """Examples whose values lie in [low, high]; both None: the value is not known.

    inside: bool[n].
    """

    low: float | None
    high: float | None
    inside: Bools


def quarters(values: Floats) -> list[Part]:
    """Quarters of values (n,), ascending; those not known (NaN, infinite) come last.

    At most four different values are groups of their own: a flag has two. Equal values are never
    parted, so there may be fewer groups. Nothing where nothing is known.
    """
    finite = np.isfinite(values)
    known = values[finite]
    if not len(known):
        return []
    firsts = np.unique(known)
    if len(firsts) > PARTS:
        shares = np.arange(PARTS) / PARTS
        firsts = np.unique(np.quantile(known, shares, method="higher"))
    places = np.searchsorted(firsts, values, side="right")
    parts = []
    for i in range(1, len(firsts) + 1):
        inside = finite & (places == i)
        parts.append(Part(float(firsts[i - 1]), float(values[inside].max()), inside))
    if not finite.all():
        parts.append(Part(None, None, ~finite))
    return parts
