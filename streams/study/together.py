"""Several models over one run of the engine: users are looked at once, and asked about by each.

What the engine does is not decided by what a model says: who is scored, from which vector, as of
when, and which cuts become examples follow from the log. So beside the model that scores, others
score the same looks, and learn the same examples with what they themselves said of them. Each says
what it would have said in a run of its own (a test compares the two).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from models.engine.looking import Looks
from models.engine.requests import Output
from models.engine.weighing import Scored, score
from models.features.remaining import Stretches
from models.grid import Int
from models.learning.cuts import is_example
from models.learning.numerics import Floats
from models.learning.scorer import Scorer
from models.spec import POLICIES, Spec
from models.state.slab import Slab
from schemas.examples import Example
from streams.replay import Trained, told

LATEST = POLICIES.index("latest")


class Together:
    """Who answers when the engine asks for a model, and watches what it scores at cuts.

    Parameters
    ----------
    specs
        The deployment with each of the models; the engine runs with the first.

    """

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._specs = specs
        self._trained = [Trained(spec) for spec in specs]
        self._scorers: list[Scorer] = []
        self._others = [_Opinion() for _ in specs[1:]]
        self.users: list[str] = []
        self.times: list[Int] = []
        self.probabilities: list[list[Floats]] = [[] for _ in specs]
        self.experts: list[list[Floats]] = [[] for _ in specs]

    def at(self, time: int, epoch: int | None) -> Scorer:
        """The first model in force; the others go with it."""
        self._scorers = [one.at(time, epoch) for one in self._trained]
        return self._scorers[0]

    def see(self, outputs: Sequence[Output]) -> None:
        """Let everyone have the examples, each with what it said itself."""
        for one in told(outputs):
            self._trained[0].take(one)
            for trained, opinion in zip(self._trained[1:], self._others, strict=True):
                trained.take(one if isinstance(one, int) else opinion.put_into(one))

    def scored(self, slab: Slab, scored: Scored, _: Sequence[Stretches]) -> None:
        """Take note of the scores of a cut, and have the others score it."""
        users = slab.names(scored.rows)
        self.users += users
        self.times.append(scored.at)
        self._note(0, scored)
        time = int(scored.at[0])
        kept = [row for row, user in enumerate(users) if is_example(self._specs[0], user, time)]
        looks = Looks(**{field.name: getattr(scored, field.name) for field in fields(Looks)})
        for number, opinion in enumerate(self._others, start=1):
            own = score(self._specs[number], [looks], self._scorers[number])
            self._note(number, own)
            opinion.note({row: users[row] for row in kept}, own)

    def _note(self, number: int, scored: Scored) -> None:
        """Where everything is fresh there is nothing to treat: all policies say the same."""
        experts = np.tile(scored.probability[:, None], (1, len(POLICIES)))
        if scored.stale is not None:
            index = scored.stale.index
            own = scored.experts
            latest = np.where(np.isnan(own[:, LATEST]), scored.probability[index], own[:, LATEST])
            experts[index] = np.where(np.isnan(own), latest[:, None], own)
        self.probabilities[number].append(scored.probability)
        self.experts[number].append(experts)


class _Opinion:
    """What a model that does not run the engine has said at cuts until they are examples."""

    def __init__(self) -> None:
        self._said: dict[int, dict[str, tuple[float, Floats | None]]] = {}

    def note(self, users: Mapping[int, str], scored: Scored) -> None:
        """Keep probability and, of those who have a stale source, experts. users: by row."""
        own = self._said.setdefault(int(scored.at[0]), {})
        stale = [] if scored.stale is None else scored.stale.index.tolist()
        experts = {
            row: scored.experts[place].copy() for place, row in enumerate(stale) if row in users
        }
        for row, user in users.items():
            own[user] = float(scored.probability[row]), experts.get(row)

    def put_into(self, example: Example) -> Example:
        """Give the example with this model's opinion in place of the one that ran."""
        own = self._said[example.time]
        p, experts = own.pop(example.user)
        if not own:
            del self._said[example.time]
        said = {} if experts is None else dict(zip(POLICIES, experts.tolist(), strict=True))
        return replace(
            example, probability=p, experts={name: q for name, q in said.items() if q == q}
        )
