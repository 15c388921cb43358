"""One run of the production engine and trainer over a log: what was said at every cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from models.engine.weighing import Scored
from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.spec import POLICIES, Spec
from models.state.slab import Slab
from streams.replay import Record, Replay, Trained
from streams.study.truth import Truth

LEARNED = "learned"
LATEST = POLICIES.index("latest")
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Said:
    """Cuts whose outcome is known, in the order in which they were scored.

    time: int64[n], µs. label: float64[n], 0 or 1. by_policy: what each policy said as the cut was
    scored, float64[n]; ``latest`` stands in where a policy was not to be had yet.
    """

    time: Int
    label: Floats
    by_policy: Mapping[str, Floats]

    def __len__(self) -> int:
        """Cuts."""
        return len(self.label)

    def part(self, chosen: Bool) -> Said:
        """The chosen ones."""
        said = {policy: values[chosen] for policy, values in self.by_policy.items()}
        return Said(self.time[chosen], self.label[chosen], said)


def run(spec: Spec, records: Iterable[list[Record]], truth: Truth) -> Said:
    """Score and learn the whole log, as production would have."""
    seen = _Seen()
    replay = Replay(spec, Trained(spec))
    replay.engine.desk.observer = seen.scored
    replay.run(records)
    return seen.said(truth)


class _Seen:
    """What was said at the cuts, told by the engine as it scores them."""

    def __init__(self) -> None:
        self._users: list[str] = []
        self._time: list[Int] = []
        self._probability: list[Floats] = []
        self._experts: list[Floats] = []

    def scored(self, slab: Slab, scored: Scored) -> None:
        """Take note of the scores of a cut.

        Where everything is fresh there is nothing to treat, and all policies say the same.
        """
        experts = np.tile(scored.probability[:, None], (1, len(POLICIES)))
        if scored.stale is not None:
            index = scored.stale.index
            own = scored.experts
            latest = np.where(np.isnan(own[:, LATEST]), scored.probability[index], own[:, LATEST])
            experts[index] = np.where(np.isnan(own), latest[:, None], own)
        self._users += slab.names(scored.rows)
        self._time.append(scored.at)
        self._probability.append(scored.probability)
        self._experts.append(experts)

    def said(self, truth: Truth) -> Said:
        """Everything whose outcome is known."""
        time, probability = np.concatenate(self._time), np.concatenate(self._probability)
        label = truth.labels(self._users, time)
        experts = np.concatenate(self._experts)
        said = {policy: experts[:, k] for k, policy in enumerate(POLICIES)}
        said[LEARNED] = probability
        return Said(time, label, said).part(~np.isnan(label))
