"""What would have been said at each cut, had something been late: asked while the cut is scored.

The engine reads features as of any time, so at every cut of a replay everybody's vector can be
read as it would be with a source late, and scored by the model and the policy in force. What is
read is the full window up to the time that would have been known, so much earlier than it was;
lags are rounded up to the grid of the panes. One feature alone is late where the model in force is
given its column of that vector, and missing where the model averages over it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.engine.looking import look
from models.engine.weighing import Scored, score
from models.features.remaining import Stretches
from models.grid import NEVER, Int
from models.learning.numerics import Floats
from models.spec import Spec
from models.staleness.health import STALLED, UNKNOWN
from models.state.slab import Slab
from schemas.hashing import hash_texts
from streams.study.churners import Rhythm
from streams.study.pairs import Pairs, TooFewCuts
from streams.study.truth import Truth
from streams.study.variants import Variant


class Lateness:
    """Watches a replay: an observer of the engine.

    Parameters
    ----------
    spec
        The deployment.
    variants
        What might be late.
    since
        Cuts before this (µs) are left alone: little has been learned.

    """

    def __init__(self, spec: Spec, variants: Sequence[Variant], since: int) -> None:
        self._spec, self._variants, self._since = spec, variants, since
        self._users: list[str] = []
        self._time: list[Int] = []
        self._known: list[Floats] = []
        self._late: dict[Variant, list[Floats]] = {variant: [] for variant in variants}

    def scored(self, slab: Slab, scored: Scored, excluded: Sequence[Stretches]) -> None:
        """Score everybody again with each thing late, without the wrong data left out then."""
        if int(scored.at[0]) < self._since or scored.scorer.version == 0:
            return
        self._users += slab.names(scored.rows)
        self._time.append(scored.at)
        self._known.append(scored.probability)
        whole = {(v.source, v.lag): None for v in self._variants}
        late = {key: self.looked(slab, scored, excluded, *key) for key in whole}
        for variant in self._variants:
            found = late[variant.source, variant.lag]
            if variant.feature is None:
                said = found.probability
            else:
                said = self._one_late(scored, found, variant.feature, variant.lag)
            self._late[variant].append(said)

    def pairs(self, truth: Truth) -> Pairs:
        """All cuts whose outcome is known. Raises TooFewCuts."""
        time = np.concatenate(self._time) if self._time else np.empty(0, dtype=np.int64)
        label = truth.labels(self._users, time)
        if not {0.0, 1.0} <= set(label.tolist()):
            raise TooFewCuts
        every = Pairs(
            Rhythm.of_cuts(self._spec),
            time,
            label,
            np.ones(len(label)),
            hash_texts(self._users),
            np.concatenate(self._known),
            {variant: np.concatenate(said) for variant, said in self._late.items()},
        )
        return every.part(~np.isnan(label))

    def looked(
        self,
        slab: Slab,
        scored: Scored,
        excluded: Sequence[Stretches],
        source: str,
        lag: int | None,
    ) -> Scored:
        """Score everybody with a source so much later than it is, or missing (None)."""
        s = self._spec.source_index(source)
        marks, health = scored.watermarks.copy(), scored.health.copy()
        if lag is None:
            marks[:, s], health[:, s] = NEVER, UNKNOWN
        else:
            marks[:, s] = np.where(marks[:, s] == NEVER, NEVER, marks[:, s] - lag)
            health[:, s] = np.where(health[:, s] == UNKNOWN, UNKNOWN, STALLED)
        scorer = scored.scorer
        looks = look(slab, scored.rows, scored.at, marks, health, scorer.policies, excluded)
        return score(self._spec, [looks], scorer)

    def _one_late(self, scored: Scored, late: Scored, feature: str, lag: int | None) -> Floats:
        j = [one.name for one in self._spec.features].index(feature)
        if lag is None:
            masked = np.zeros(scored.matrix.shape, dtype=np.bool_)
            masked[:, j] = True
            return scored.scorer.marginal(scored.matrix, masked)
        matrix = scored.matrix.copy()
        matrix[:, j] = late.matrix[:, j]
        return scored.scorer.predict(matrix)
