"""What to do about sources that are not fresh: the choice of as-of times.

Here: health by a bound configured for each source, and the policy ``latest``: a fresh source is
read at the score time, a stalled one as of its own watermark (the full window up to what is
known, never a half-empty one), an unknown one not at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.grid import NEVER, Int
from models.spec import Spec
from schemas.scores import Health, Treatment

HEALTH: tuple[Health, ...] = ("fresh", "lagging", "stalled", "corrupt", "unknown")
TREATMENT: tuple[Treatment, ...] = (
    "current",
    "latest",
    "consistent",
    "lag_trained",
    "masked",
    "nowcast",
    "mixed",
    "remaining",
)
FRESH, STALLED, UNKNOWN = HEALTH.index("fresh"), HEALTH.index("stalled"), HEALTH.index("unknown")
CURRENT, LATEST, MASKED = (TREATMENT.index(name) for name in ("current", "latest", "masked"))
CORRUPT, REMAINING = HEALTH.index("corrupt"), TREATMENT.index("remaining")

Codes = NDArray[np.uint8]


def health_of(spec: Spec, at: Int, watermarks: Int) -> Codes:
    """Health of each source, uint8[n, sources], as indices into HEALTH.

    at: int64[n], clocks. watermarks: int64[n, sources].
    """
    bound = np.array([source.stale_after for source in spec.sources], dtype=np.int64)
    stalled = at[:, None] - watermarks > bound
    health = np.where(stalled, STALLED, FRESH)
    return np.where(watermarks == NEVER, UNKNOWN, health).astype(np.uint8)


def latest(at: Int, watermarks: Int, health: Codes) -> tuple[Int, Codes]:
    """As-of times int64[n, sources] and treatments uint8[n, sources] of the policy ``latest``."""
    fresh, unknown = health == FRESH, health == UNKNOWN
    as_of = np.where(fresh, at[:, None], watermarks)
    as_of = np.where(unknown, NEVER, as_of)
    treatment = np.where(fresh, CURRENT, np.where(unknown, MASKED, LATEST))
    return as_of, treatment.astype(np.uint8)
