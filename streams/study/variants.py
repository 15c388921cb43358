"""What might be late or missing: a source, or one of its features, by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.spec import Spec
from schemas.times import DAY, HOUR, format_duration

LAGS = (HOUR, DAY, 7 * DAY, 28 * DAY)
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Variant:
    """A source (feature None: all of it) that is late by ``lag`` µs, or missing (lag None)."""

    source: str
    feature: str | None
    lag: int | None

    @property
    def what(self) -> str:
        """Name of the source, or of the feature."""
        return self.feature or self.source

    @property
    def how(self) -> str:
        """How late, in words."""
        return MISSING if self.lag is None else format_duration(self.lag)


def variants(spec: Spec, lags: Sequence[int], *, features: bool) -> list[Variant]:
    """Every source with features, late and missing; ``features``: each of its features, too."""
    every = [*lags, None]
    found = []
    for source in spec.sources:
        own = [feature.name for feature in spec.features if feature.source == source.name]
        if own and not source.is_outcome:
            found += [Variant(source.name, None, lag) for lag in every]
            if features:
                found += [Variant(source.name, name, lag) for name in own for lag in every]
    return found
