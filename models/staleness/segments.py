"""Parts of a source: one kind of event, or some of its users, gone while the rest still flows.

A part's silence is counted in ticks in which the source as a whole spoke, so a night, or an outage
of everything, is no silence of a part. Users fall into SLICES parts by a hash of their id; kinds of
event are those that the configuration lists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.grid import NEVER, Int

SLICES = 8
"""Parts that the users fall into: uint64 hash of the id, modulo this."""
_MILLION = 1_000_000
_MEMORY = 5_000
_FLOOR, _FEWEST = 30, 3
"""A part is not missed before as many ticks with data have passed as usually are in so many of the
clock, and not before so many."""
_TIMES = 3
"""A part is missed after so many times its longest silence."""
_UNUSUAL = -math.log(1e-6)

Bits = NDArray[np.uint64]


@dataclass(slots=True)
class Segments:
    """Parts of one source in one partition; lists by part: slices of users, then listed kinds.

    bits: ticks since the last check with an event of the part (a bitmap). shares: of the ticks with
    data in which the part has some, millionths. seen: ticks that was learned from. gaps: ticks with
    data since its newest. longest: the longest of them that ended. missing: since which check,
    NEVER = it is there. since: the first check with data. listed: the kinds, None = not known, in a
    record from before they were kept.
    """

    bits: list[int] = field(default_factory=list)
    shares: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    longest: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    since: int = NEVER
    listed: list[str] | None = None

    def of_kinds(self, listed: list[str]) -> Segments:
        """These, if they are parts by the kinds that are listed now; else others, of no past."""
        unknown = self.listed is None and len(self.bits) == SLICES + len(listed)
        known = unknown or self.listed == listed
        return replace(self if known else Segments(), listed=listed)

    def gather(self, bits: list[int]) -> None:
        """Take in bitmaps of all parts."""
        if not self.bits:
            n = len(bits)
            self.bits, self.shares, self.seen = [0] * n, [0] * n, [0] * n
            self.gaps, self.longest, self.missing = [0] * n, [0] * n, [NEVER] * n
        self.bits = [old | new for old, new in zip(self.bits, bits, strict=True)]

    def check(self, time: int, learn_for: int, pulses: int, overall: float) -> None:
        """Learn from the ticks since the last check.

        pulses: the whole source's bitmap. overall: the share of ticks that have data, usually.
        """
        if not pulses or not self.bits:
            return
        if self.since == NEVER:
            self.since = time
        known, n = time - self.since >= learn_for, pulses.bit_count()
        floor = max(_FEWEST, _FLOOR * overall)
        gaps, missing, seen, shares = self.gaps, self.missing, self.seen, self.shares
        for k, own in enumerate(self.bits):
            if own:
                if missing[k] == NEVER and seen[k]:
                    before = gaps[k] + (pulses & ((own & -own) - 1)).bit_count()
                    self.longest[k] = max(self.longest[k], before)
                gaps[k] = (pulses >> own.bit_length()).bit_count()
            else:
                gaps[k] += n
            if missing[k] != NEVER:
                if own:
                    missing[k] = NEVER
                elif time - missing[k] > 4 * learn_for:
                    self._give_up(k)
            elif known and gaps[k] >= floor and self._is_missed(k):
                missing[k] = time
            else:
                seen[k] = min(seen[k] + n, _MEMORY)
                shares[k] += (own.bit_count() * _MILLION - shares[k] * n) // seen[k]
        self.bits = [0] * len(self.bits)

    def _is_missed(self, k: int) -> bool:
        """Whether so many ticks without it are unusual for what was seen of it.

        P(gap ticks without | it had some in h of n) = B(h + 1, n - h + 1 + gap) / B(h + 1, n - h +
        1), B the beta function: the share is not known better than n ticks tell (beta-binomial;
        Gelman et al., Bayesian Data Analysis, 2013, section 2.4). With 42 nightly loads that all
        had some, five in a row without are one in a million; with thousands of ticks, two are. The
        gap itself, of which was learned meanwhile, does not count as what was seen before.
        """
        gap, hits = self.gaps[k], self.seen[k] * self.shares[k] / _MILLION
        if gap < _TIMES * self.longest[k]:
            return False
        n = max(self.seen[k] - gap, hits)
        without = n - hits + 1
        surprise = math.lgamma(n + 2 + gap) - math.lgamma(n + 2)
        return surprise - math.lgamma(without + gap) + math.lgamma(without) > _UNUSUAL

    def _give_up(self, k: int) -> None:
        """It has been gone for so long that it is not expected any more."""
        self.shares[k] = self.seen[k] = self.gaps[k] = self.longest[k] = 0
        self.missing[k] = NEVER


def bitmaps(parts: Int, ticks: Int, count: int) -> Bits:
    """Which of ``count`` parts have an event in which tick, uint64[count].

    parts, ticks: int64[n], of each event; ticks from 0 to 59.
    """
    present = np.zeros((count, 64), dtype=np.bool_)
    present.reshape(-1)[parts * 64 + ticks] = True
    packed = np.packbits(present, axis=1, bitorder="little")
    return packed.view("<u8").reshape(count).astype(np.uint64)
