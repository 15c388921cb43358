"""Why a source is not fresh, in words, as it stood at the last check.

Told anew at checks alone, and only of sources that are not fresh: so what stands on a score does
not depend on batches, and scores of fresh sources cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from models.engine.state import SourceState
from models.grid import NEVER, Int
from models.spec import SourceSpec, Spec
from models.staleness.cadence import TICKS
from models.staleness.evidence import USUAL, Evidence, Standing
from models.staleness.health import (
    CORRUPT,
    FRESH,
    HEALTH,
    LAGGING,
    STALLED,
    UNKNOWN,
    Codes,
    health_at_check,
)
from models.staleness.segments import SLICES
from models.staleness.words import Facts, in_words
from schemas.times import format_time

NEWLY: Final = {
    LAGGING: "late since the last check",
    STALLED: "silent for longer than usual since the last check",
    CORRUPT: "its data is wrong",
    UNKNOWN: "never seen",
}
"""Where it was otherwise at the last check."""


class Said(NamedTuple):
    """Health of a source at a check (its place in HEALTH), and why, "" where it is fresh."""

    health: int
    why: str


@dataclass(frozen=True, slots=True)
class Why:
    """What was said of the sources behind each check of a piece, and before the first.

    times: int64[checks]. said: checks + 1 times, of each source.
    """

    times: Int
    said: Sequence[Sequence[Said]]

    def of(self, at: Int, codes: Codes) -> dict[int, dict[int, str]]:
        """By source, what is to be said on rows where it is not fresh.

        at: int64[n]. codes: uint8[n, sources], health.
        """
        found: dict[int, dict[int, str]] = {}
        stale = codes != FRESH
        for s in np.flatnonzero(stale.any(axis=0)).tolist():
            rows = np.flatnonzero(stale[:, s])
            stretches = np.searchsorted(self.times, at[rows], side="left")
            keys, which = np.unique(stretches * len(HEALTH) + codes[rows, s], return_inverse=True)
            words = [self._words(s, *divmod(key, len(HEALTH))) for key in keys.tolist()]
            found[s] = dict(zip(rows.tolist(), [words[k] for k in which.tolist()], strict=True))
        return found

    def _words(self, s: int, stretch: int, code: int) -> str:
        known, why = self.said[stretch][s]
        return why if why and known == code else NEWLY[code]


class Moment(NamedTuple):
    """A source at a moment. load: pulses that would have been usual since its newest event."""

    health: int
    time: int
    watermark: int
    last_data: int
    load: float


def words_of(spec: Spec, source: SourceSpec, seen: SourceState, at: Moment) -> str:
    """Why its health is what it is."""
    evidence, cadence = seen.evidence, seen.evidence.cadence
    spans = cadence.spans.quantile(0.5)
    facts = Facts(
        health=HEALTH[at.health],
        staleness=None if at.watermark == NEVER else (at.time - at.watermark) / 1e6,
        lag=newest_lag(evidence, at.last_data),
        usual_lag=evidence.lags.quantile(0.5),
        usual_most=evidence.lags.quantile(USUAL),
        bound=source.stale_after / 1e6,
        silence=None if evidence.heard == NEVER else max(0, at.time - evidence.heard) / 1e6,
        usual_silence=None if spans is None else round(spans * spec.health.every / TICKS / 1e6, 6),
        chance=cadence.chance(at.load) if cadence.bound else None,
        recovering=cadence.resumed != NEVER,
        missing=_missing(source, evidence),
        later=(evidence.later.share, evidence.later.by) if evidence.later.is_told else None,
        wrong=_wrong(seen),
        empty=at.last_data == NEVER,
    )
    return in_words(facts)


def _wrong(seen: SourceState) -> str | None:
    """What is wrong with its data, and from when on it is not used."""
    faults = [one for one in seen.corrupt.known if one.state == "open"]
    if not faults:
        return None
    since = format_time(seen.corrupt.corrupt_since)
    return f"{'; '.join(one.reason for one in faults)}; not used after {since}"


def newest_lag(evidence: Evidence, last_data: int) -> float | None:
    """How far the newest event lay behind its arrival, seconds."""
    here = NEVER not in (evidence.heard, last_data)
    return max(0, evidence.heard - last_data) / 1e6 if here else None


def _missing(source: SourceSpec, evidence: Evidence) -> tuple[str, ...]:
    """Parts that are gone while the rest flows."""
    gone = [k for k, since in enumerate(evidence.segments.missing) if since != NEVER]
    slices = sum(k < SLICES for k in gone)
    users = (f"{slices} of {SLICES} slices of the users",) if slices else ()
    field, values = source.segments or ("", ())
    return (*users, *(f"{field} = {values[k - SLICES]}" for k in gone if k >= SLICES))


def at_check(
    spec: Spec, sources: Sequence[SourceState], standings: Sequence[Standing], time: int
) -> list[Said]:
    """What is to be said of each source behind a check."""
    found = []
    for source, state, standing in zip(spec.sources, sources, standings, strict=True):
        mark = min(standing.watermark, state.corrupt.good_through)
        health = health_at_check(spec, source, state, time, mark)
        at = Moment(health, time, mark, standing.last_data, state.evidence.cadence.load)
        found.append(Said(health, "" if health == FRESH else words_of(spec, source, state, at)))
    return found
