"""Clock skew: devices whose clocks are wrong write times that are wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from schemas.mapping import TimeMapping
from streams.faults.base import Fault
from streams.faults.fields import edited
from streams.faults.log import Events
from streams.faults.parts import Part, touched
from streams.faults.span import Span
from streams.faults.timetext import written


@dataclass(frozen=True, slots=True)
class Skew(Fault):
    """Event times are wrong by ``by`` µs (ahead if positive); arrivals stay as they are."""

    span: Span
    part: Part
    time: TimeMapping
    by: int

    def events(self, events: Events) -> Events:
        """Times changed, in the records too."""
        which = touched(self.span, self.part, events)
        times = events.times + np.where(which, self.by, 0)
        wrong = iter(times[which].tolist())
        changed = edited(events, which, self.time.path, lambda _: written(self.time, next(wrong)))
        return replace(changed, times=times)
