"""Wrong contents: a field that is empty, in another unit, or stuck at one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.mapping import Path
from streams.faults.base import Fault
from streams.faults.fields import edited, scaled
from streams.faults.log import Events
from streams.faults.parts import Part, touched
from streams.faults.span import Span


@dataclass(frozen=True, slots=True)
class Nulls(Fault):
    """The field is null."""

    span: Span
    part: Part
    path: Path

    def events(self, events: Events) -> Events:
        """Null in what the fault touches."""
        return edited(events, touched(self.span, self.part, events), self.path, lambda _: None)


@dataclass(frozen=True, slots=True)
class Unit(Fault):
    """The field is ``factor`` times what it should be: cents for euros, ms for seconds."""

    span: Span
    part: Part
    path: Path
    factor: float

    def events(self, events: Events) -> Events:
        """Numbers multiplied in what the fault touches."""
        which = touched(self.span, self.part, events)
        return edited(events, which, self.path, scaled(self.factor))


@dataclass(frozen=True, slots=True)
class Stuck(Fault):
    """The field says the same, whatever happens: a sensor, a cache that nobody refreshes."""

    span: Span
    part: Part
    path: Path
    value: Any

    def events(self, events: Events) -> Events:
        """One value in what the fault touches."""
        which = touched(self.span, self.part, events)
        return edited(events, which, self.path, lambda _: self.value)
