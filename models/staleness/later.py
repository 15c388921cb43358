"""Later than usual: all of what comes, or a part of it, while the newest data may well be in time.

A consumer that falls behind a little more every day stays below the bound of ``lagging`` for long,
and a fifth of the users whose data is held back moves no watermark at all. Both show in how old
events are when they come. So a day's delays are held against those of good days: which share is
beyond anything usual (TIMES the 90 % quantile, and a quarter of the source's bound at least)?

Two days in a row must stand out, so a backlog that lands is none; nothing is learned from days that
do. Clocks that are behind look the same: an event that says it is five days old may have been
under way for so long, or its clock is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from models.grid import NEVER
from models.staleness.sketch import Sketch
from schemas.times import DAY

TIMES: Final = 4.0
"""Beyond so many times the 90 % quantile a delay is not usual."""
PART: Final = 0.25
"""And beyond this part of the source's bound, or it does not matter."""
EVENTS: Final = 200
"""Events of a window at least."""
WINDOWS: Final = 7
"""Windows from which something is learned before one is judged."""
IN_A_ROW: Final = 2
FLOOR: Final = 0.05
"""A share that is higher than usual by less does not matter."""
UNUSUAL: Final = 64.0
"""Squared deviations of two proportions: eight, because the events of one user come together."""

_KNOWN = 0.9
_LONGEST = 7 * DAY
_AT_ONCE = 1_000.0
_FADING = 0.5 ** (1 / 28)
"""With every window: what is 28 windows old counts half."""


@dataclass(slots=True)
class Later:
    """One source in one partition. Delays in seconds.

    window: delays since the check ``began``. usual: of good windows; good: how many there were,
    since the check ``first``. most: the highest share beyond the usual of a good window, fading
    (weekends bring home what was under way). row: windows in a row that stand out. since: the check
    at which it was said, NEVER = it is not; share: of the newest window that is later than usual;
    by: the median delay of that.
    """

    window: Sketch = field(default_factory=Sketch)
    began: int = NEVER
    usual: Sketch = field(default_factory=Sketch)
    good: int = 0
    first: int = NEVER
    most: float = 0.0
    row: int = 0
    since: int = NEVER
    share: float = 0.0
    by: float = 0.0

    @property
    def is_told(self) -> bool:
        """Whether so much is later than usual, and for so long, that it is said."""
        return self.since != NEVER

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Later:
        """Read what was durable; {} is nothing seen yet."""
        sketches = {name: Sketch(**content.get(name, {})) for name in ("window", "usual")}
        return cls(**{**content, **sketches})

    def check(self, time: int, came: Sketch, bound: int, learn_for: int) -> None:
        """A check has come. came: delays since the last one. bound: of staleness, microseconds."""
        if came.buckets:
            self.window.merge(came)
        if self.began == NEVER:
            self.began = time
        passed, whole = time - self.began, self.window.total
        if passed < DAY or (whole < EVENTS and passed < _LONGEST):
            return
        if whole >= EVENTS:
            self._judge(time, bound, learn_for)
        elif self.window.buckets and self.since == NEVER:
            self._learn(time)
        self.window, self.began = Sketch(), time

    def edge(self, bound: int) -> float:
        """The delay beyond which none is usual."""
        known = self.usual.quantile(_KNOWN)
        return max(TIMES * (known or 0.0), PART * bound / 1e6)

    def _judge(self, time: int, bound: int, learn_for: int) -> None:
        ready = self.good >= WINDOWS and time - self.first >= learn_for
        edge = self.edge(bound)
        share = self.window.above(edge)
        if ready and self._stands_out(share, self.usual.above(edge)):
            self.row += 1
            self.share, self.by = round(share, 6), self.window.median_above(edge)
            if self.row >= IN_A_ROW and self.since == NEVER:
                self.since = time
            if self.since != NEVER and time - self.since > 4 * learn_for:
                self._begin_anew()
            return
        self.row, self.since, self.share, self.by = 0, NEVER, 0.0, 0.0
        if self.good:  # the first window may be a backlog
            self.most = round(max(_FADING * self.most, share), 6)
        self._learn(time)

    def _stands_out(self, share: float, usual: float) -> bool:
        """A test of two proportions, and floors."""
        n, known = self.window.total, self.usual.total
        before = (usual * known + 0.5) / (known + 1)
        chance = before * (1 - before) * (1 / n + 1 / known)
        matters = share - before > FLOOR and share > 2 * self.most
        return matters and (share - before) ** 2 > UNUSUAL * chance

    def _learn(self, time: int) -> None:
        self.first = time if self.first == NEVER else self.first
        self.good += 1
        self.usual.merge(self.window, min(1.0, _AT_ONCE / self.window.total))
        self.usual.fade(_FADING)

    def _begin_anew(self) -> None:
        """It comes so late, and has for long: that is usual from now on."""
        self.usual, self.good, self.first, self.most = Sketch(), 0, NEVER, 0.0
        self.row, self.since, self.share, self.by = 0, NEVER, 0.0, 0.0
