"""Repeated records: a burst of duplicates, and a whole day that is sent again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.faults.base import Fault
from streams.faults.log import Events
from streams.faults.parts import Part, touched
from streams.faults.span import Span


@dataclass(frozen=True, slots=True)
class Duplicates(Fault):
    """Events of the part come ``copies`` times more, at the same time: a producer that retries."""

    span: Span
    part: Part
    copies: int = 1

    def events(self, events: Events) -> Events:
        """Each copy right behind its original."""
        again = touched(self.span, self.part, events)
        index = np.repeat(np.arange(len(events)), np.where(again, 1 + self.copies, 1))
        places = index.tolist()
        return Events(
            events.times[index],
            events.arrivals[index],
            [events.keys[i] for i in places],
            [events.values[i] for i in places],
        )


@dataclass(frozen=True, slots=True)
class Replayed(Fault):
    """What arrived in the span comes once more, ``after`` ms later: a job that ran twice."""

    span: Span
    after: int

    def events(self, events: Events) -> Events:
        """The copies behind everything else; they are as they were, except for their arrival."""
        again = events.part(self.span.inside(events.arrivals))
        return events.behind(again.arriving(again.arrivals + self.after))
