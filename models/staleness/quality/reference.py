"""What is usual for a source in one partition, learned from good windows only.

Volume: for each hour of the week the last counts of its slots, of which the median counts, times
the present level (the last week's events against what was expected of it: growth, a holiday; of a
source with a slot a day two weeks). A
neighbouring hour may be meant as well (summer time, a job that runs at five to). Shares and
distributions: sums that are halved now and then, so that the past fades.

How much windows scatter beyond chance is learned too: events of one user come together, mornings
differ from nights. ``spread`` is that factor for each test (overdispersion: McCullagh and Nelder,
Generalized Linear Models, 1989, section 4.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from models.grid import NEVER
from models.staleness.quality.histogram import Histogram
from models.staleness.quality.tally import Tally
from models.staleness.quality.volume import deviations
from schemas.times import HOUR

WEEK_HOURS: Final = 168
COUNTS_KEPT: Final = 6
COUNTS_NEEDED: Final = 3
WINDOWS_NEEDED: Final = 30
"""Good windows before the first test: so many tell how much they scatter."""
SLOTS_NEEDED: Final = 48
"""Slots with a known expectation before volumes are judged; those of two weeks if fewer."""
FEWEST_SLOTS: Final = 14
"""But no fewer than this."""

_FADES_AT = 100_000
_WINDOW_COUNTS = 1_000
"""A window counts as so many events at most: what is usual is learned of many hours, not of one."""

_LEVEL_PRIOR = 50.0
_SPREAD_MEMORY = 50
_OUTLIER = 9.0


class Expected(NamedTuple):
    """Events of a slot: usually, and at least and at most among the hours around."""

    usual: float
    low: float
    high: float


@dataclass(slots=True)
class Reference:
    """What good windows were like.

    windows: how many, the first of which began at ``since``. volume: counts of slots by hour of the
    week, newest last. level: events of late; level_usual: what was expected of them. noise: see
    `excess`. late: events that came when their slot had been judged, of late_of. events, ahead,
    refused: sums. copies of records: of the sampled ones. nulls, fields: see Tally. spread: by
    test, [factor, windows].
    """

    windows: int = 0
    since: int = -NEVER
    volume: dict[str, list[int]] = field(default_factory=dict)
    level: float = 0.0
    level_usual: float = 0.0
    noise: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    late: int = 0
    late_of: int = 0
    events: int = 0
    ahead: int = 0
    refused: int = 0
    copies: int = 0
    records: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    fields: dict[str, Histogram] = field(default_factory=dict)
    spread: dict[str, list[float]] = field(default_factory=dict)

    def ready(self, begin: int) -> bool:
        """Whether enough is known to judge a window that begins there: a week, and some windows."""
        return self.windows >= WINDOWS_NEEDED and begin - self.since >= WEEK_HOURS * HOUR

    def expected(self, begin: int) -> Expected | None:
        """Events of the slot that begins there; None while too little is known."""
        hour = begin // HOUR % WEEK_HOURS
        around = [self._median(hour + shift) for shift in (-1, 0, 1)]
        if around[1] is None:
            return None
        level = (self.level + _LEVEL_PRIOR) / (self.level_usual + _LEVEL_PRIOR)
        known = [level * median for median in around if median is not None]
        return Expected(level * around[1], min(known), max(known))

    def _median(self, hour: int) -> float | None:
        counts = self.volume.get(str(hour % WEEK_HOURS), [])
        if len(counts) < COUNTS_NEEDED:
            return None
        ordered, half = sorted(counts), len(counts) // 2
        return (ordered[half] + ordered[~half]) / 2

    @property
    def excess(self) -> float | None:
        """By how much counts scatter beyond chance, as a part of the expected count.

        None while too little is known.
        """
        squares, counts, slots = self.noise
        needed = max(FEWEST_SLOTS, min(SLOTS_NEEDED, 2 * len(self.volume)))
        return max(0.0, squares / counts) if slots >= needed else None

    @property
    def _memory(self) -> int:
        """Slots in a week that have events, as far as is known; FEWEST_SLOTS at least."""
        return max(FEWEST_SLOTS, len(self.volume))

    def learn_slot(self, begin: int, net: int, expected: float) -> None:
        """Take in the events of a slot of a good window. expected: then; below 0: not known."""
        if expected > 0:
            beyond = deviations(net, expected, 0.0) ** 2 - 1
            keep = 1 - 1 / (2 * self._memory)
            squares, counts, slots = self.noise
            self.noise = [keep * squares + beyond, keep * counts + expected, slots + 1]
        hour = begin // HOUR % WEEK_HOURS
        usual = self._median(hour)
        if usual is not None:
            keep = 1 - 1 / self._memory
            self.level = keep * self.level + net
            self.level_usual = keep * self.level_usual + usual
        known = self.volume.setdefault(str(hour), [])
        known.append(net)
        del known[:-COUNTS_KEPT]

    def learn(self, window: Tally, scatter: dict[str, float], begin: int) -> None:
        """Take in a good window that begins there.

        scatter: each test's statistic, 1 on average where chance alone is at work.
        """
        self.windows += 1
        self.since = min(self.since, begin)
        whole = max(1, window.events)
        part = min(whole, _WINDOW_COUNTS)
        self.events += part
        self.ahead += window.ahead * part // whole
        self.refused += window.refused * part // whole
        self.copies += window.repeats.copies
        self.records += window.repeats.records
        for name, missing in window.nulls.items():
            self.nulls[name] = self.nulls.get(name, 0) + missing * part // whole
        for name, values in window.fields.items():
            known = self.fields.setdefault(name, Histogram())
            known.merge(values.thinned(part, whole))
        for test, value in scatter.items():
            usual, seen = self.spread.get(test, [1.0, 0.0])
            bounded = min(value, _OUTLIER * max(usual, 1.0))
            step = 1 / min(seen + 2, _SPREAD_MEMORY)
            self.spread[test] = [usual + step * (bounded - usual), seen + 1]
        if self.events > _FADES_AT:
            self._fade()

    def forget_volume(self) -> None:
        """Learn volumes anew."""
        self.volume, self.level, self.level_usual = {}, 0.0, 0.0
        self.noise = [0.0, 0.0, 0.0]

    def cut_otherwise(self) -> None:
        """Slots have another length: learn anew what depends on it."""
        self.forget_volume()
        self.late = self.late_of = 0

    def learn_late(self, events: int, late: int) -> None:
        """Take in a slot that nothing more is expected for."""
        self.late += late
        self.late_of += events + late
        if self.late_of > _FADES_AT:
            self.late, self.late_of = self.late // 2, self.late_of // 2

    def _fade(self) -> None:
        self.events //= 2
        self.ahead //= 2
        self.refused //= 2
        self.copies //= 2
        self.records //= 2
        self.nulls = {name: missing // 2 for name, missing in self.nulls.items()}
        self.fields = {name: values.thinned(1, 2) for name, values in self.fields.items()}
