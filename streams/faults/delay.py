"""Constant delay: everything comes later by the same time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.faults.base import Fault
from streams.faults.log import Beats, Events
from streams.faults.span import ALWAYS, Span


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """What would arrive in the span arrives ``by`` ms later, and the heartbeats know it."""

    by: int
    span: Span = ALWAYS

    def events(self, events: Events) -> Events:
        """Arrivals moved."""
        late = np.where(self.span.inside(events.arrivals), self.by, 0)
        return events.arriving(events.arrivals + late)

    def beats(self, beats: Beats) -> Beats:
        """What they promise lowered, until the last late event is there."""
        late = self.span.inside(beats.arrivals, longer=self.by)
        return beats.lowered(np.where(late, self.by * 1000, 0))
