"""The health of each source at a moment, from the evidence of its own partition.

- ``corrupt``: its quality gate, or an operator, says that its data is wrong.
- ``unknown``: it has never been seen. By the clock, or its heartbeats, a source is complete without
  any event: there silence means that nothing happened, so it is in time, and said to be empty.
- ``stalled``: silent beyond its own usual cadence (models.staleness.cadence). While too little of
  it is known, and where ``stale_after`` is configured: stale beyond that bound, and silent beyond
  it too or for longer than its newest data was late.
- ``lagging``: data flows, or is silent as usual, but its watermark is further behind than the
  bound, or than 0.8 of it where it was at the last check, so as not to flap; whether by its usual
  delay or by more, models.staleness.words says.
- ``fresh``: everything else. Also a source that is quiet as usual and whose events come promptly
  when there are any: a customer pays once a month, and that is no delay.

Between two checks what is usual is frozen, so a look at time t is a function of t, the watermark
and the newest arrival before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.grid import NEVER, Bool, Float, Int
from models.spec import SourceSpec, Spec
from models.staleness.cadence import FLOOR, TICKS
from models.staleness.corruption import Intervals
from models.staleness.evidence import Evidence
from schemas.scores import Health

HEALTH: tuple[Health, ...] = ("fresh", "lagging", "stalled", "corrupt", "unknown")
FRESH, LAGGING, STALLED, CORRUPT, UNKNOWN = range(5)

Codes = NDArray[np.uint8]


class Known(Protocol):
    """What a partition knows of a source."""

    @property
    def evidence(self) -> Evidence:
        """Of its health."""

    @property
    def corrupt(self) -> Intervals:
        """When its data is wrong."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What holds between two checks, for one stretch after the other.

    check: int64[stretches], the check that each begins at. The rest has shape (stretches, sources).
    bound: int64, the staleness above which a source counts as late, lower while it does. learned:
    bool, whether its own cadence decides. longest, load, each, alarmed: of that
    (models.staleness.cadence). prompt: bool, of its delays. corrupt: bool. good_through: int64,
    event time up to which its data may be used.
    """

    check: Int
    bound: Int
    learned: Bool
    longest: Float
    load: Float
    each: Float
    alarmed: Bool
    prompt: Bool
    corrupt: Bool
    good_through: Int

    @classmethod
    def of(cls, stretches: Sequence[Stretch]) -> Frozen:
        """Put stretches side by side."""
        columns = zip(*(zip(*sources, strict=True) for _, sources in stretches), strict=True)
        return cls(np.array([check for check, _ in stretches]), *map(np.array, columns))


Stretch = tuple[int, list[tuple[int, bool, float, float, float, bool, bool, bool, int]]]
"""A check, and the fields of :class:`Frozen` for each source."""


def freeze(spec: Spec, sources: Sequence[Known], check: int) -> Stretch:
    """What is known of the sources from a check to the next."""
    found = []
    for source, known in zip(spec.sources, sources, strict=True):
        evidence, cadence = known.evidence, known.evidence.cadence
        learned = not source.stale_given and bool(cadence.bound)
        bound = evidence.bound(source.stale_after)
        since, through = known.corrupt.corrupt_since, known.corrupt.good_through
        alarmed = cadence.alarmed != NEVER
        own = (bound, learned, cadence.bound, cadence.load, cadence.each, alarmed)
        found.append((*own, evidence.prompt, since != NEVER, through))
    return check, found


def health_at_check(spec: Spec, source: SourceSpec, known: Known, time: int, watermark: int) -> int:
    """Health of one source at a check, behind it; what :func:`health_of` says there, but quickly.

    watermark: as far as its data may be used; NEVER = it has not been seen.
    """
    evidence, cadence, bound = known.evidence, known.evidence.cadence, source.stale_after
    silence, behind = time - evidence.heard, evidence.heard - watermark
    if known.corrupt.corrupt_since != NEVER:
        return CORRUPT
    if watermark == NEVER:
        return UNKNOWN
    late = time - watermark > evidence.bound(bound)
    if source.stale_given or not cadence.bound:
        silent = time - watermark > bound and (silence > bound or silence >= behind)
    else:
        long = silence * TICKS // spec.health.every >= FLOOR
        silent = cadence.alarmed != NEVER or (long and cadence.load > cadence.bound)
        late = late and not (evidence.prompt and behind <= bound)
    return STALLED if silent else LAGGING if late else FRESH


def health_of(
    spec: Spec, frozen: Frozen, at: Int, watermarks: Int, heard: Int, stretch: Int | None = None
) -> Codes:
    """Health of each source, uint8[n, sources], as indices into HEALTH.

    at: int64[n]. watermarks: int64[n, sources]. heard: int64[n, sources], the partition's clock at
    the newest usable event. NEVER = none. stretch: int64[n], which stretch each moment lies in;
    None: in the only one.
    """
    codes = np.empty(watermarks.shape, dtype=np.uint8)
    which = np.zeros(len(at), dtype=np.int64) if stretch is None else stretch
    for s, source in enumerate(spec.sources):
        if frozen.corrupt[:, s].all():
            codes[:, s] = CORRUPT
            continue
        own = _health(spec, source, frozen, s, which, at, watermarks[:, s], heard[:, s])
        codes[:, s] = np.where(frozen.corrupt[which, s], CORRUPT, own)
    return codes


def _health(
    spec: Spec,
    source: SourceSpec,
    frozen: Frozen,
    s: int,
    which: Int,
    at: Int,
    watermark: Int,
    heard: Int,
) -> Codes:
    behind, silence = at - watermark, at - heard
    late = behind > frozen.bound[which, s]
    bound = source.stale_after
    silent = (behind > bound) & ((silence > bound) | (silence >= heard - watermark))
    if frozen.learned[:, s].any():
        learned = frozen.learned[which, s]
        silent = np.where(learned, silent_at(spec, frozen, s, which, at, heard), silent)
        prompt = learned & frozen.prompt[which, s]
        late &= ~prompt | (heard - watermark > bound)
    codes = np.where(silent, STALLED, np.where(late, LAGGING, FRESH))
    return np.where(watermark == NEVER, UNKNOWN, codes).astype(np.uint8)


def silent_at(spec: Spec, frozen: Frozen, s: int, which: Int, at: Int, heard: Int) -> Bool:
    """Whether source s is silent beyond its usual cadence, bool[n]; see :func:`health_of`."""
    load = load_at(spec, frozen, s, which, at, heard)
    long = (at - heard) * TICKS // spec.health.every >= FLOOR
    unusual: Bool = (load > frozen.longest[which, s]) & long | frozen.alarmed[which, s]
    return unusual


def load_at(spec: Spec, frozen: Frozen, s: int, which: Int, at: Int, heard: Int) -> Float:
    """Pulses of source s that would have been expected since its newest event, float64[n]."""
    check = frozen.check[which]
    begun = np.where(heard > check, 0.0, frozen.load[which, s])
    hourly = frozen.each[which, s] * TICKS / spec.health.every
    load: Float = begun + (at - np.maximum(heard, check)) * hourly
    return load
