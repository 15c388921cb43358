"""What the live view shows, as one frozen value between state and drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.drift import Prequential
from schemas.scores import ModelRef, Score
from streams.watch.sources import SourceLine


@dataclass(frozen=True, slots=True)
class WatchView:
    """One moment of a deployment.

    scores: distinct ones seen; repeated: those with an id seen before. rate: scores per second.
    risks: scores of the watched band, newest first. lags: records not yet committed by the
    group, by (topic, partition).
    """

    app: str
    sources: tuple[SourceLine, ...]
    scores: int
    repeated: int
    rate: float
    bands: Mapping[str, int]
    risks: tuple[Score, ...]
    model: ModelRef | None
    drift: Prequential | None
    lags: Mapping[tuple[str, int], int]
    notes: tuple[str, ...] = ()
