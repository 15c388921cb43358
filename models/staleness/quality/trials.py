"""The tests of one window against what is usual. Each gives its statistic, and perhaps a finding.

A finding needs both: a difference that matters (a floor), and one that chance does not make. For
the second, statistics are scaled so that they are 1 on average where chance alone is at work,
divided by how much good windows scatter, and held against a quantile that all tests of a year
share (Bonferroni: every test of every window has the same share of ``alarms_per_year``), SAFETY
times as far out as for normal tails, because real ones are heavier.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, NamedTuple

from models.spec import QualitySpec
from models.staleness.quality.distributions import compare, describe
from models.staleness.quality.histogram import Histogram
from models.staleness.quality.reference import WINDOWS_NEEDED, Reference
from models.staleness.quality.tally import Tally, Watched
from schemas.times import DAY

SAFETY: Final = 1.5
SHARE_FLOOR: Final = 0.05
COPIES_FLOOR: Final = 0.1
PSI_FLOOR: Final = 0.25
"""The usual bound of a major shift (Siddiqi, Credit Risk Scorecards, 2006)."""
MEDIAN_FLOOR: Final = 0.25
ALIKE: Final = ("nulls", "stuck")
"""Faults that make records look like each other."""
DROPPED: Final = "dropped by their event ids"
_YEAR = 365 * DAY


class Trial(NamedTuple):
    """One test of a window. scatter: its statistic, 1 where chance alone is at work.

    finding: what is wrong, beginning with a word for its kind; None: nothing. harmless: it does no
    harm, because it has been dealt with.
    """

    name: str
    scatter: float
    finding: str | None = None
    harmless: bool = False


def once_in(spec: QualitySpec, watched: Watched, slot: int) -> float:
    """How many slots a test may go on without a false alarm, for its part of those of a year."""
    fields = len(watched.fields) * (("nulls" in spec.tests) + 2 * ("distribution" in spec.tests))
    return _YEAR * (len(spec.tests) + fields) / (spec.alarms_per_year * slot)


def tail(spec: QualitySpec, watched: Watched, slot: int) -> float:
    """How many standard deviations out a test of one window of a slot's length must be."""
    level = min(0.05, 1 / once_in(spec, watched, slot))
    return SAFETY * NormalDist().inv_cdf(1 - level / 2)


@dataclass(frozen=True, slots=True)
class Court:
    """Tries windows of one source. usual: what is known. far: see `tail`."""

    spec: QualitySpec
    watched: Watched
    usual: Reference
    far: float

    def trials(self, window: Tally) -> Iterator[Trial]:
        """Every test of a window's records that is on; what explains more comes first."""
        tests = self.spec.tests
        if "rejected" in tests:
            yield self.refused(window)
        if window.events == 0:
            return
        if "clock" in tests:
            yield self._share(
                "clock", window.ahead, window.events, self.usual.ahead, self.usual.events
            )
        copies = [self._copies(window)] if "duplicates" in tests else []
        contents = [trial for name in self.watched.fields for trial in self._field(name, window)]
        if any((trial.finding or "").startswith(ALIKE) for trial in contents):
            yield from [*contents, *copies]
        else:
            yield from [*copies, *contents]

    def refused(self, window: Tally) -> Trial:
        """The share of rejected records."""
        usual = self.usual
        total = window.events + window.refused
        found = self._share(
            "rejected", window.refused, total, usual.refused, usual.events + usual.refused
        )
        if found.finding is None:
            return found
        reason = max(sorted(window.rejected), key=lambda name: window.rejected[name])
        return Trial(found.name, found.scatter, f"{found.finding}, most of them {reason}")

    def late(self, events: int, of: int) -> bool:
        """Whether the share of events that came for slots judged before is higher than usual."""
        usual = self.usual
        before = (usual.late + 0.5) / (usual.late_of + 1)
        share = events / of
        chance = before * (1 - before) * (1 / of + 1 / (usual.late_of + 1))
        scatter = (share - before) ** 2 / chance
        return share - before > COPIES_FLOOR and scatter > self.far**2

    def _copies(self, window: Tally) -> Trial:
        repeats, usual = window.repeats, self.usual
        found = self._share(
            "duplicates", repeats.copies, repeats.records, usual.copies, usual.records, COPIES_FLOOR
        )
        if found.finding is None or not self.watched.by_id:
            return found
        return Trial(found.name, found.scatter, f"{found.finding}; {DROPPED}", harmless=True)

    def _field(self, name: str, window: Tally) -> Iterator[Trial]:
        if "nulls" in self.spec.tests:
            missing, usual = window.nulls.get(name, 0), self.usual
            yield self._share(
                f"nulls of {name}", missing, window.events, usual.nulls.get(name, 0), usual.events
            )
        seen, known = window.fields.get(name), self.usual.fields.get(name)
        if "distribution" in self.spec.tests and seen and known and seen.codes and known.codes:
            yield from self._distribution(name, known, seen)

    def _distribution(self, name: str, known: Histogram, seen: Histogram) -> Iterator[Trial]:
        if seen.total < self.spec.min_samples / 2:
            return
        found = compare(known, seen)
        chance = 1 / seen.total + 1 / known.total
        number = name in self.watched.numbers
        psi = Trial(f"distribution of {name}", found.psi / (found.degrees * chance))
        bound = _wilson_hilferty(found.degrees, self.far)
        matters = found.psi > PSI_FLOOR and self._known(psi.name)
        if matters and psi.scatter > bound * self._spread(psi.name):
            yield Trial(psi.name, psi.scatter, _words(name, known, seen, found.psi, number=number))
        else:
            yield psi
        if number:
            median = Trial(f"median of {name}", 4 * found.median**2 / chance)
            if abs(found.median) > MEDIAN_FLOOR and self._beyond(median.name, median.scatter):
                words = _words(name, known, seen, found.psi, number=number)
                yield Trial(median.name, median.scatter, words)
            else:
                yield median

    def _share(
        self, name: str, count: int, of: int, usual: int, usual_of: int, floor: float = SHARE_FLOOR
    ) -> Trial:
        """Whether a share is higher than usual: a test of two proportions."""
        if of == 0:
            return Trial(name, 0.0)
        share, before = count / of, (usual + 0.5) / (usual_of + 1)
        chance = before * (1 - before) * (1 / of + 1 / (usual_of + 1))
        scatter = (share - before) ** 2 / chance
        if share - before > floor and self._beyond(name, scatter):
            kind, _, thing = name.partition(" of ")
            where = f" of {thing}" if thing else ""
            return Trial(name, scatter, f"{kind}{where}: {share:.1%}, usually {before:.1%}")
        return Trial(name, scatter)

    def _beyond(self, name: str, scatter: float) -> bool:
        return self._known(name) and scatter > self.far**2 * self._spread(name)

    def _spread(self, name: str) -> float:
        return max(1.0, self.usual.spread.get(name, [1.0, 0.0])[0])

    def _known(self, name: str) -> bool:
        """Whether it is known how good windows scatter in this test."""
        return self.usual.spread.get(name, [1.0, 0.0])[1] >= WINDOWS_NEEDED


def _words(name: str, known: Histogram, seen: Histogram, psi: float, *, number: bool) -> str:
    kind, particulars = describe(known, seen, number=number)
    return f"{kind} of {name}: {particulars} (PSI {psi:.2f})"


def _wilson_hilferty(degrees: int, far: float) -> float:
    """Quantile of chi-squared / degrees, ``far`` normal deviations out (PNAS 17, 1931).

    PSI is about (1/n + 1/m) times chi-squared (Yurdakul and Naranjo, Journal of Risk Model
    Validation 14, 2020).
    """
    part = 2 / (9 * degrees)
    return (1 - part + far * math.sqrt(part)) ** 3
