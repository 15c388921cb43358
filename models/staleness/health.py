"""The health of each source at a moment, from the evidence of its own partition.

- ``corrupt``: its quality gate, or an operator, says that its data is wrong.
- ``unknown``: it has never been seen.
- ``stalled``: silent beyond its own usual cadence (models.staleness.cadence). While too little of
  it is known, and where ``stale_after`` is configured: stale beyond that bound, and silent beyond
  it too or for longer than its newest data was late.
- ``lagging``: data flows, or is silent as usual, but its watermark is further behind than the
  bound; whether by its usual delay or by more, models.staleness.words says.
- ``fresh``: everything else. Also a source that is quiet as usual and whose events come promptly
  when there are any: a customer pays once a month, and that is no delay.

Between two checks what is usual is frozen, so a look at time t is a function of t, the watermark
and the newest arrival before it.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def health_of(
    spec: Spec, sources: Sequence[Known], check: int, at: Int, watermarks: Int, heard: Int
) -> Codes:
    """Health of each source, uint8[n, sources], as indices into HEALTH.

    check: the last check. at: int64[n], clocks from there to the next. watermarks: int64[n,
    sources]. heard: int64[n, sources], the partition's clock at the newest usable event. NEVER =
    none.
    """
    codes = np.empty(watermarks.shape, dtype=np.uint8)
    for s, (source, known) in enumerate(zip(spec.sources, sources, strict=True)):
        if known.corrupt.corrupt_since != NEVER:
            codes[:, s] = CORRUPT
        else:
            codes[:, s] = _health(
                spec, source, known.evidence, check, at, watermarks[:, s], heard[:, s]
            )
    return codes


def _health(
    spec: Spec,
    source: SourceSpec,
    evidence: Evidence,
    check: int,
    at: Int,
    watermark: Int,
    heard: Int,
) -> Codes:
    bound = source.stale_after
    if source.stale_given or not evidence.cadence.bound:
        late = at - watermark > bound
        silence = at - heard
        silent = late & ((silence > bound) | (silence >= heard - watermark))
    else:
        late = at - watermark > evidence.bound(bound)
        silent = silent_at(spec, evidence, check, at, heard)
        if evidence.prompt:
            late &= heard - watermark > bound
    codes = np.where(silent, STALLED, np.where(late, LAGGING, FRESH))
    return np.where(watermark == NEVER, UNKNOWN, codes).astype(np.uint8)


def silent_at(spec: Spec, evidence: Evidence, check: int, at: Int, heard: Int) -> Bool:
    """Whether a source is silent beyond its usual cadence, bool[n]; see :func:`health_of`."""
    if evidence.cadence.alarmed != NEVER:
        return np.ones(len(at), dtype=np.bool_)
    load = load_at(spec, evidence, check, at, heard)
    long = (at - heard) * TICKS // spec.health.every >= FLOOR
    unusual: Bool = (load > evidence.cadence.bound) & long
    return unusual


def load_at(spec: Spec, evidence: Evidence, check: int, at: Int, heard: Int) -> Float:
    """Pulses that would have been expected since the newest event, float64[n]."""
    every, cadence = spec.health.every, evidence.cadence
    begun = np.where(heard > check, 0.0, cadence.load)
    load: Float = begun + (at - np.maximum(heard, check)) * (cadence.each * TICKS / every)
    return load
