"""Two histograms compared: how far apart they are, and what kind of fault looks like that."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import accumulate
from operator import sub
from typing import Final, NamedTuple

import numpy as np

from models.grid import Float
from models.staleness.quality.histogram import PER_OCTAVE, Histogram, octaves_of

GROUPS: Final = 10
UNITS: Final = {
    "24": 24.0,
    "60": 60.0,
    "100": 100.0,
    "1000": 1000.0,
    "3600": 3600.0,
    "86400": 86400.0,
    "1000000": 1e6,
}
_DIGITS = 9
"""Of the index, so that it is the same whatever the processor's logarithm."""
_LIKE = 0.6
_CONCENTRATED = 0.8


class Difference(NamedTuple):
    """How far a window's values are from the usual ones.

    psi: population stability index, over about ten groups of the usual values and one for new ones.
    degrees: groups - 1. median: share of the window's values above the usual median, less that of
    the usual ones; a value in the median's bin counts half.
    """

    psi: float
    degrees: int
    median: float


def compare(usual: Histogram, seen: Histogram) -> Difference:
    """How far a window's values are from the usual ones. Both hold something."""
    p, q = _shares(usual, seen)
    psi = sum([(own - known) * math.log(own / known) for known, own in zip(p, q, strict=True)])
    middle = usual.quantile(0.5)
    return Difference(round(psi, _DIGITS), len(p) - 1, seen.above(middle) - usual.above(middle))


def _shares(usual: Histogram, seen: Histogram) -> tuple[list[float], list[float]]:
    """Shares of the groups, half a value added to each.

    Groups are runs of codes of about equal usual count; codes never seen before are the last one.
    """
    sums = list(accumulate(usual.counts, initial=0))
    total = sums.pop()
    found = {bisect_left(sums, -(-part * total // GROUPS)) for part in range(GROUPS)}
    starts = sorted(found - {len(sums)})
    before = [*(sums[start] for start in starts), total]
    p = [*map(sub, before[1:], before), 0]

    begins = [usual.codes[start] for start in starts]
    upto = list(accumulate(seen.counts, initial=0))
    parts = [0, *(upto[bisect_left(seen.codes, begin)] for begin in begins[1:]), upto[-1]]
    q = [*map(sub, parts[1:], parts), 0]
    for code in set(seen.codes).difference(usual.codes):
        count = seen.counts[bisect_left(seen.codes, code)]
        q[max(0, bisect_right(begins, code) - 1)] -= count
        q[-1] += count
    return _smoothed(p), _smoothed(q)


def _smoothed(counts: list[int]) -> list[float]:
    whole = sum(counts) + len(counts) / 2
    return [(count + 0.5) / whole for count in counts]


def describe(usual: Histogram, seen: Histogram, *, number: bool) -> tuple[str, str]:
    """The kind of fault, ``stuck``, ``unit`` or ``distribution``, and the particulars in words.

    Told from the values that are too many.
    """
    codes = sorted({*usual.codes, *seen.codes})
    p, q = _aligned(codes, usual), _aligned(codes, seen)
    moved = q - p
    too_many = np.maximum(moved, 0.0)
    top = int(np.argmax(too_many))
    if too_many[top] >= _CONCENTRATED * too_many.sum():
        value = f"about {_value(codes[top]):.3g}" if number else "one value"
        return "stuck", f"{q[top]:.0%} are {value}, usually {p[top]:.0%}"
    factor = _unit(codes, p, too_many) if number else None
    if factor is not None:
        return "unit", f"{too_many.sum():.0%} are {factor} as large as usual"
    return "distribution", f"{too_many.sum():.0%} of the values have moved"


def _aligned(codes: list[int], histogram: Histogram) -> Float:
    counts = dict(zip(histogram.codes, histogram.counts, strict=True))
    found = np.array([counts.get(code, 0) for code in codes], dtype=np.float64)
    shares: Float = found / found.sum()
    return shares


def _unit(codes: list[int], usual: Float, too_many: Float) -> str | None:
    """By which factor values have moved, if by that of another unit: e.g. "100 times".

    The values that are too many are then a sample of the usual ones, moved by the factor; zeros
    stay where they are.
    """
    known = {code: share for code, share in zip(codes, usual.tolist(), strict=True) if code}
    extra = float(too_many.sum())
    scale = extra / max(sum(known.values()), 1e-9)
    best, found = _LIKE * extra, None
    for name, factor in UNITS.items():
        octaves = math.log2(factor)
        for moved, words in ((octaves, f"{name} times"), (-octaves, f"1/{name}")):
            wanted = dict(zip(codes, too_many.tolist(), strict=True))
            like = _explained(known, wanted, math.floor(moved * PER_OCTAVE), scale)
            if like > best:
                best, found = like, words
    return found


def _explained(usual: dict[int, float], wanted: dict[int, float], bins: int, scale: float) -> float:
    """How much of what is wanted (used up) usual shares make, moved by ``bins`` or one more.

    A factor is no whole number of bins: values of one bin come into two neighbouring ones. From
    the smallest on each fills the lower one first, so as much is explained as can be.
    """
    explained = 0.0
    for code in sorted(usual, key=abs):
        left = usual[code] * scale
        for step in (bins, bins + 1):
            place = code + step if code > 0 else code - step
            taken = min(left, wanted.get(place, 0.0))
            if taken:
                wanted[place] -= taken
                left -= taken
                explained += taken
    return explained


def _value(code: int) -> float:
    """About the middle of a number's bin."""
    return math.copysign(2 ** (octaves_of(code) + 0.125), code) if code else 0.0
