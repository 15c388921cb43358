"""One run of the production engine and trainers over a log: what was said at every cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.spec import POLICIES, Spec
from streams.replay import Record, Replay
from streams.study.together import Together
from streams.study.truth import Truth

LEARNED = "learned"


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


def run(specs: Sequence[Spec], records: Iterable[list[Record]], truth: Truth) -> list[Said]:
    """Score and learn the whole log, as production would have; what each model said.

    specs: the same deployment with different models.
    """
    together = Together(specs)
    replay = Replay(specs[0], together)
    replay.engine.desk.observer = together.scored
    replay.run(records)
    time = np.concatenate(together.times)
    label = truth.labels(together.users, time)
    known = ~np.isnan(label)
    found = []
    for probability, experts in zip(together.probabilities, together.experts, strict=True):
        every = np.concatenate(experts)
        said = {policy: every[:, k] for k, policy in enumerate(POLICIES)}
        said[LEARNED] = np.concatenate(probability)
        found.append(Said(time, label, said).part(known))
    return found
