"""What an example carries so that policies can be learned: sources as they were before the cut.

By the same as-of function on the retained panes: at the lags that models are trained with, and at
one lag that a keyed hash draws for each example, so that beliefs about a source can be learned
before it was ever late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.features.remaining import Stretches
from models.features.vector import features
from models.grid import NEVER, Float, Int
from models.learning.touching import windows_of
from models.spec import Spec
from models.staleness.ages import rungs_of
from models.state.slab import Slab
from schemas.ids import keyed_hash

Lagged = dict[str, dict[str, dict[str, float]]]
"""Source to lag (microseconds, as text) to its known features."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Of one example. paired: lag and bucket that beliefs are learned with; None: none."""

    lagged: Lagged
    paired: tuple[int, int] | None


def drawn_lag(spec: Spec, user: str, time: int) -> tuple[int, int]:
    """The lag that an example's pairs have, and its bucket: every bucket alike, then within it."""
    bounds = rungs_of(spec)
    chance = keyed_hash(spec.learning.sample_key, f"{user}\x1f{time}\x1flag")
    number = chance % len(bounds)
    below = bounds[number - 1] if number else 0
    steps = (bounds[number] - below) // spec.grid
    return below + spec.grid * (1 + chance // len(bounds) % steps), bounds[number]


def completions(
    slab: Slab,
    rows: Int,
    time: int,
    through: Int,
    asked: Sequence[tuple[str, int]],
    excluded: Sequence[Stretches] = (),
    whole_from: int = NEVER,
) -> list[Completion]:
    """Of users' examples of one cut.

    through: int64[sources]. asked: sources and lags of models. excluded: see
    :func:`models.features.vector.features`. whole_from: before this panes may have been dropped;
    windows that reach there are not told.
    """
    spec = slab.spec
    if not spec.learns_lags:
        return [Completion({}, None)] * len(rows)
    drawn = [drawn_lag(spec, slab.users[row] or "", time) for row in rows.tolist()]
    found = [Completion({}, pair) for pair in drawn]
    reader = _Reader(slab, rows, time, excluded, whole_from)
    own = np.array([lag for lag, _ in drawn], dtype=np.int64)
    whole = [s for s, reached in enumerate(through.tolist()) if reached >= time]
    reader.add(own, whole, found)
    names = [source.name for source in spec.sources]
    for lag in sorted({lag for _, lag in asked}):
        wanted = {names.index(name) for name, each in asked if each == lag and name in names}
        reached = [s for s in sorted(wanted) if through[s] != NEVER and through[s] >= time - lag]
        reader.add(np.full(len(rows), lag), reached, found)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the users of a cut as of times before it."""

    slab: Slab
    rows: Int
    time: int
    excluded: Sequence[Stretches]
    whole_from: int

    def add(self, lags: Int, sources: Sequence[int], found: list[Completion]) -> None:
        """Write some sources' features as of a lag before the cut into the completions."""
        spec, read = self.slab.spec, self.slab.plan.read
        sources = [s for s in sources if read[s]]
        if not sources:
            return
        as_of = np.full((len(self.rows), len(spec.sources)), NEVER)
        as_of[:, sources] = self.time - lags[:, None]
        at = np.full(len(self.rows), self.time)
        matrix, _ = features(self.slab, self.rows, at, as_of, self.excluded)
        for s in sources:
            values = _known(spec, matrix, read[s])
            name = spec.sources[s].name
            longest = self.time - self.whole_from - windows_of(spec, s)
            for one, lag, known in zip(found, lags.tolist(), values, strict=True):
                if lag <= longest:
                    one.lagged.setdefault(name, {})[str(lag)] = known


def _known(spec: Spec, matrix: Float, columns: Sequence[int]) -> list[dict[str, float]]:
    """Known values of some features, row by row."""
    names = [spec.features[j].name for j in columns]
    rows = matrix[:, list(columns)].tolist()
    return [{n: v for n, v in zip(names, row, strict=True) if v == v} for row in rows]
