"""Growing delay: a consumer that is a little too slow falls behind further every day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.faults.base import Fault
from streams.faults.log import Beats, Events, Times
from streams.faults.span import Span


@dataclass(frozen=True, slots=True)
class Growing(Fault):
    """Later and later from the span's start on; behind its end in time again.

    rate: ms late for each ms passed. most: ms late at most.
    """

    rate: float
    most: int
    span: Span

    def events(self, events: Events) -> Events:
        """Arrivals moved; their order stays within the span."""
        late = np.where(self.span.inside(events.arrivals), self._late(events.arrivals), 0)
        return events.arriving(events.arrivals + late)

    def beats(self, beats: Beats) -> Beats:
        """What they promise lowered by the delay of what arrives with them.

        An event that arrives at A was due at a = start + (A - start) / (1 + rate), or at A - most.
        Behind the span, until the last late event is there, by the largest delay.
        """
        passed = beats.arrivals - self.span.begun(beats.arrivals)
        late = np.minimum(passed - passed / (1.0 + self.rate), self.most)
        late = np.where(self.span.inside(beats.arrivals), late, self.most)
        touched = self.span.inside(beats.arrivals, longer=self.most)
        return beats.lowered(np.where(touched, np.ceil(late) * 1000, 0).astype(np.int64))

    def _late(self, arrivals: Times) -> Times:
        passed = arrivals - self.span.begun(arrivals)
        return np.asarray(np.minimum(passed * self.rate, self.most).astype(np.int64))
