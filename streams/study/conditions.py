"""Conditions of a study: which source is late, or away, in which way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.spec import Spec
from schemas.times import DAY, format_duration
from streams.faults import Fault, FaultError, read_fault

FRESH = "fresh"
LAGS = (DAY, 7 * DAY, 14 * DAY)


@dataclass(frozen=True, slots=True)
class Condition:
    """A name, and for each source that is not as it should be what is wrong with it, in words."""

    name: str
    faults: Mapping[str, Sequence[str]]

    def read(self, spec: Spec, origin: int) -> dict[str, tuple[Fault, ...]]:
        """The faults. origin: when the log begins, ms. Raises FaultError."""
        mappings = {source.name: source.mapping for source in spec.sources}
        if unknown := self.faults.keys() - mappings.keys():
            raise FaultError(
                f"condition {self.name!r}: no source {', '.join(sorted(unknown))}; "
                f"there are: {', '.join(mappings)}"
            )
        return {
            source: tuple(read_fault(text, mappings[source], origin) for text in texts)
            for source, texts in self.faults.items()
        }


def parse(text: str) -> Condition:
    """Read ``NAME: SOURCE=FAULT; SOURCE=FAULT``. Raises FaultError.

    >>> parse("clicks late: clicks=delay by=7d").faults
    {'clicks': ('delay by=7d',)}
    """
    name, colon, rest = text.partition(":")
    parts = [part.strip() for part in rest.split(";") if part.strip()]
    if not colon or any("=" not in part for part in parts):
        raise FaultError(f"{text!r} is not NAME: SOURCE=FAULT; SOURCE=FAULT")
    faults: dict[str, tuple[str, ...]] = {}
    for part in parts:
        source, fault = part.split("=", 1)
        faults[source.strip()] = (*faults.get(source.strip(), ()), fault)
    return Condition(name.strip(), faults)


def usual(spec: Spec) -> list[Condition]:
    """All fresh; each source late by a day, a week, two; away for a week in every four; two late.

    Sources with outcomes are left alone: their lateness delays labels, nothing else.
    """
    names = [s.name for s in spec.sources if not s.is_outcome and _has_features(spec, s.name)]
    found = [Condition(FRESH, {})]
    for name in names:
        found += [late(name, lag) for lag in LAGS]
        found.append(away(name))
    if len(names) > 1:
        first, second = names[:2]
        faults = {first: ("delay by=3d",), second: ("delay by=14d",)}
        found.append(Condition(f"{first} late 3d + {second} late 14d", faults))
    return found


def late(source: str, lag: int) -> Condition:
    """A source that is always late by so much (µs)."""
    said = format_duration(lag)
    return Condition(f"{source} late {said}", {source: (f"delay by={said}",)})


def away(source: str) -> Condition:
    """A source that is away for a week in every four, and then catches up."""
    fault = "outage from=+28d until=+35d every=28d"
    return Condition(f"{source} in outage", {source: (fault,)})


def _has_features(spec: Spec, source: str) -> bool:
    return any(feature.source == source for feature in spec.features)
