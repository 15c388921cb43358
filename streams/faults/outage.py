"""Outage: nothing comes, then everything that was held back, in order or the newest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.faults.base import Fault
from streams.faults.log import Beats, Events, Times
from streams.faults.parts import Part, touched
from streams.faults.span import Span


@dataclass(frozen=True, slots=True)
class Outage(Fault):
    """What would arrive in the span arrives behind its end, within ``over`` ms.

    newest_first: the backfill begins with what was held back last. ``over`` 0: all at once, in the
    order in which it was sent.
    """

    span: Span
    over: int = 0
    newest_first: bool = False

    def events(self, events: Events) -> Events:
        """Arrivals moved behind the span."""
        held = self.span.inside(events.arrivals)
        return events.arriving(np.where(held, self.backfilled(events.arrivals), events.arrivals))

    def beats(self, beats: Beats) -> Beats:
        """None in the span, and none until the backfill is done."""
        return beats.part(~self.span.inside(beats.arrivals, longer=self.over))

    def backfilled(self, arrivals: Times) -> Times:
        """When what was due at these times within the span arrives; int64[n], ms."""
        start, end = self.span.begun(arrivals), self.span.ended(arrivals)
        passed = (arrivals - start) / np.maximum(end - start, 1)
        place = 1.0 - passed if self.newest_first else passed
        return np.asarray(end + (place * self.over).astype(np.int64))


@dataclass(frozen=True, slots=True)
class PartialOutage(Fault):
    """An outage of a part of a source, of which its heartbeats know nothing."""

    outage: Outage
    part: Part

    def events(self, events: Events) -> Events:
        """Arrivals of the part moved behind the span."""
        held = touched(self.outage.span, self.part, events)
        moved = self.outage.backfilled(events.arrivals)
        return events.arriving(np.where(held, moved, events.arrivals))
