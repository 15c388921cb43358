"""What a snapshot says about policies: all that a scorer needs of them.

Apart from what learns it, so that a scoring worker does not import River, which takes two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.learning.compiled.mixture import Form
from models.learning.numerics import Floats
from models.spec import Spec
from models.staleness.nowcast import Beliefs

Lags = tuple[tuple[str, int], ...]
"""Sources with their lags in µs, in the order of the configuration; the others have none."""


@dataclass(frozen=True, slots=True)
class LagForm:
    """A lag's model in a snapshot. form: None while it has learned too little to be asked."""

    lags: Lags
    form: Form | None
    learned: int


@dataclass(frozen=True, slots=True)
class Policies:
    """What a snapshot says about policies.

    gate: weights of the gate's experts by pattern. beliefs: None before there are any. lagged:
    models with a lag, those that may not be asked yet too. asked: (source, lag) that examples are
    to be completed with.
    """

    gate: Mapping[str, Floats]
    beliefs: Beliefs | None
    lagged: tuple[LagForm, ...]
    asked: tuple[tuple[str, int], ...]


def columns_of(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Places of each source's features in the vector."""
    return {
        source.name: tuple(j for j, f in enumerate(spec.features) if f.source == source.name)
        for source in spec.sources
    }
