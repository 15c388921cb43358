"""What is known of a source in one partition, besides its two clocks: the evidence of its health.

What comes between two checks is only gathered, in forms that can be merged and do not depend on
how the records were cut into batches: counts by bucket of the delay, bitmaps of ticks with data.
What is learned from it changes at the checks alone. About 4 kB as JSON for a source that has been
seen at every hour of the week.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from models.grid import NEVER
from models.staleness.cadence import Cadence
from models.staleness.gathered import Gathered
from models.staleness.later import Later
from models.staleness.segments import SLICES, Segments
from models.staleness.sketch import Sketch

_AT_ONCE = 50.0
"""What one check adds to the delays at most: a backlog of millions does not make them usual."""
_DAILY = 24
_FADING = 0.5 ** (1 / (4 * 7))
"""With every 24 checks: what is four weeks old counts half, if the checks are hourly."""
USUAL = 0.95
"""A delay up to this quantile is usual."""
_LANDING, _TIMES_USUAL = 0.1, 2.0
"""Old data is landing while its share is above this, and twice the usual share of such data."""
_BACK = 0.8
"""A source that was late is in time again when it is below so much of its bound."""


@dataclass(slots=True)
class Evidence:
    """One source in one partition.

    heard: the partition's clock at its newest usable event. ticks: bitmap of the ticks since the
    last check that have one. fresh: delays of events since then; delays: of events so far (arrival
    - event time, seconds), lags: at checks, how far its newest event time lay behind its arrival.
    late: at the last check it was late. prompt: its delays lie within the bound. landing: much of
    what came before the last check was older than the bound.
    """

    heard: int = NEVER
    ticks: int = 0
    fresh: Sketch = field(default_factory=Sketch)
    delays: Sketch = field(default_factory=Sketch)
    lags: Sketch = field(default_factory=Sketch)
    late: bool = False
    prompt: bool = False
    landing: bool = False
    cadence: Cadence = field(default_factory=Cadence)
    segments: Segments = field(default_factory=Segments)
    later: Later = field(default_factory=Later)

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Evidence:
        """Read what was durable; {} is nothing seen yet."""
        content = dict(content)
        for name in ("fresh", "delays", "lags"):
            content[name] = Sketch(**content.get(name, {}))
        cadence = content.pop("cadence", None)
        content["cadence"] = Cadence() if cadence is None else Cadence.of_json(cadence)
        content["later"] = Later.of_json(content.pop("later", {}))
        content["segments"] = Segments(**content.pop("segments", {}))
        return cls(**content)

    def take(self, came: Gathered) -> None:
        """Take in what came since the check before; it is used up."""
        if self.fresh.buckets:
            self.fresh.merge(came.delays)
        else:
            self.fresh = came.delays
        if came.heard != NEVER:
            self.heard = came.heard
            self.ticks = reduce(or_, came.bits[:SLICES], self.ticks)
            self.segments.gather(came.bits)

    def check(self, time: int, every: int, learn_for: int, state: Standing) -> None:
        """A check has come: learn from what was gathered."""
        self.landing = self._is_landing(state.bound)
        self.later.check(time, self.fresh, state.bound, learn_for)
        if self.fresh.buckets:
            self.delays.merge(self.fresh, min(1.0, _AT_ONCE / self.fresh.total))
            self.fresh = Sketch()
        if self.ticks:
            self.lags.add(max(0, self.heard - state.last_data) / 1e6)
        if time // every % _DAILY == 0:
            self.delays.fade(_FADING)
            self.lags.fade(_FADING)
        usual = self.delays.quantile(USUAL)
        self.prompt = usual is not None and usual * 1e6 <= state.bound
        behind = time - state.watermark
        self.late = state.watermark != NEVER and behind > self.bound(state.bound)
        self.cadence.check(time, every, learn_for, self.ticks, self.heard)
        self.segments.check(time, learn_for, self.ticks, self.cadence.overall)
        self.ticks = 0

    def _is_landing(self, bound: int) -> bool:
        old = self.fresh.above(bound / 1e6)
        return old > _LANDING and old > _TIMES_USUAL * self.delays.above(bound / 1e6) + _LANDING

    def bound(self, bound: int) -> int:
        """The staleness above which it counts as late; lower while it does, so as not to flap."""
        return int(_BACK * bound) if self.late else bound


@dataclass(frozen=True, slots=True)
class Standing:
    """A source's two clocks at a check, and the staleness above which it is late."""

    watermark: int
    last_data: int
    bound: int
