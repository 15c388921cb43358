"""One source in one partition, fed with arrivals and checked every hour, without an engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from models.engine.state import SourceState
from models.grid import Float, Int
from models.spec import HealthSpec, SourceSpec, Spec
from models.staleness.evidence import Evidence, Standing
from models.staleness.gathered import Run, gathered
from models.staleness.health import HEALTH, Frozen, freeze, health_at_check, health_of
from tests.models.engine.story import SPEC, USAGE

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_577_836_800_000_000 + 5 * DAY
"""2020-01-06, a Monday."""


def spec_of(source: SourceSpec, health: HealthSpec | None = None) -> Spec:
    return replace(SPEC, sources=(source,), health=health or HealthSpec(learn_for=7 * DAY))


PLAIN = replace(
    USAGE, out_of_orderness=0, allowed_lateness=90 * DAY, stale_after=2 * HOUR, stale_given=False
)


@dataclass
class Feed:
    """arrivals: int64[n], ascending; delays: int64[n]; slices: of the users, int64[n]."""

    arrivals: Int
    delays: Int
    slices: Int | None = None
    source: SourceSpec = PLAIN
    start: int = START
    state: SourceState = field(default_factory=SourceState)

    def __post_init__(self) -> None:
        self.spec = spec_of(self.source)
        self.position = 0
        self.clock = self.start

    def play(self, until: int, pieces: np.random.Generator | None = None) -> list[str]:
        """Go on to a time; the health at each check on the way, just behind it."""
        found = []
        while self.clock < until:
            following = self.clock + HOUR
            stop = int(np.searchsorted(self.arrivals, following, side="right"))
            for a, b in self._cut(stop, pieces):
                self._take(a, b)
            self.position = stop
            self._check(following)
            self.clock = following
            found.append(self.health(following))
        return found

    def _cut(self, stop: int, pieces: np.random.Generator | None) -> list[tuple[int, int]]:
        inner = [] if pieces is None else pieces.integers(self.position, stop + 1, 3).tolist()
        ends = sorted({self.position, stop, *inner})
        return list(pairwise(ends))

    def _take(self, a: int, b: int) -> None:
        arrivals, delays = self.arrivals[a:b], self.delays[a:b]
        slices = np.arange(a, b) % 8 if self.slices is None else self.slices[a:b]
        run = Run(arrivals, slices, np.full(b - a, -1), 0, arrivals, delays / 1e6)
        for came in gathered(self.clock, HOUR, run).values():
            self.state.evidence.take(came)
        newest = int((arrivals - delays).max())
        progress = self.state.progress
        progress.data = progress.last_data = max(progress.data, newest)

    def _check(self, time: int) -> None:
        progress, health = self.state.progress, self.spec.health
        mark = progress.watermark(self.source, time)
        standing = Standing(mark, progress.last_data, self.source.stale_after)
        self.state.evidence.check(time, HOUR, health.learn_for, standing)

    def health(self, at: int) -> str:
        mark = np.array([[self.state.progress.watermark(self.source, at)]])
        heard = np.array([[self.state.evidence.heard]])
        frozen = Frozen.of([freeze(self.spec, [self.state], self.clock)])
        code = int(health_of(self.spec, frozen, np.array([at]), mark, heard)[0, 0])
        if at == self.clock:
            own = health_at_check(self.spec, self.source, self.state, at, int(mark[0, 0]))
            assert own == code
        return HEALTH[code]

    @property
    def evidence(self) -> Evidence:
        return self.state.evidence


def poisson(rng: np.random.Generator, days: float, hourly: Float) -> Int:
    """Arrivals by a rate for each hour of the week, from Monday 00:00 on, events an hour."""
    hours = int(days * 24)
    counts = rng.poisson(hourly[np.arange(hours) % 168])
    begun = np.repeat(START + np.arange(hours) * HOUR, counts)
    return np.sort(begun + rng.integers(1, HOUR, len(begun)))


def without(arrivals: Int, begin: int, end: int) -> Int:
    """Arrivals with an outage; nothing comes in (begin, end]."""
    return arrivals[(arrivals <= begin) | (arrivals > end)]


def changes(found: list[str]) -> list[tuple[int, str]]:
    """Where the health changes: number of the check, health."""
    last, seen = "", []
    for i, one in enumerate(found):
        if one != last:
            seen.append((i, one))
        last = one
    return seen
