"""All models in training at once: the same examples, the same epochs; one of them scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from models.learning.evidence import ALPHA, compare, log_losses
from models.learning.reign import (
    at_the_end,
    carry_out,
    promote_by_evidence,
    without_the_lost,
)
from models.learning.relearning import mark
from models.learning.trainer import EpochResult, Predicted, Trainer
from models.spec import Spec
from schemas.examples import Example, ModelRequest
from schemas.snapshots import Paired, Reign, Relearned

Placed = tuple[int, ModelRequest]
"""A request and its offset in the examples topic."""


@dataclass(frozen=True, slots=True)
class ContestResult:
    """What an epoch came to: of every model that learned it, the first model's last.

    refused: requests that could not be carried out, and why.
    """

    results: tuple[EpochResult, ...]
    refused: tuple[tuple[ModelRequest, str], ...]


class Contest:
    """The trainers of all configured models, and the reign: which of them scores, and why.

    Each trainer learns as if it were alone. The first model (``[model]``) closes an epoch: its
    manifest carries the reign, so that one signed record says which version of which model is in
    force from its ``valid_from`` on. Everything the reign depends on is in the examples, in the
    requests among them, and in the last reign: learned again, the same models reign.

    A trainer that is behind the first one (a challenger that is new, or whose payloads were lost)
    learns alone what it has missed, and is compared with the champion from then on.

    Parameters
    ----------
    spec
        The deployment; its models, in the configuration's order.
    restored
        Trainers by the model's name where there is something to go on from.

    """

    def __init__(self, spec: Spec, restored: Mapping[str, Trainer] | None = None) -> None:
        known = restored or {}
        self.spec = spec
        self._first = spec.model.name
        self._every = spec.learning.evidence_every or spec.labels.horizon
        self._alpha = ALPHA / max(len(spec.challengers), 1)
        self._trainers = {
            model.name: known.get(model.name) or Trainer(spec.of_model(model.name))
            for model in spec.models
        }
        self._floors: dict[str, int] = {}
        self._impossible: dict[str, str] = {}
        newest = self._trainers[self._first].manifest
        reign = newest.reign if newest is not None else None
        self.reign = reign or Reign(self._first, newest.version if newest else 0)

    @property
    def epoch(self) -> int | None:
        """End of the newest epoch that was closed; None before the first."""
        return self._trainers[self._first].epoch

    @property
    def learned_by_all(self) -> int | None:
        """End of the newest epoch that every model has learned; None where one has none."""
        epochs = [trainer.epoch for trainer in self._trainers.values()]
        known = [epoch for epoch in epochs if epoch is not None]
        return min(known) if len(known) == len(epochs) else None

    @property
    def position(self) -> int:
        """Offset in the examples topic from which on there is something to learn for a model."""
        manifests = [trainer.manifest for trainer in self._trainers.values()]
        return min(0 if manifest is None else manifest.position for manifest in manifests)

    def trainer(self, name: str) -> Trainer:
        """The trainer of a model."""
        return self._trainers[name]

    def go_back(self, restored: Mapping[str, Trainer], relearned: Relearned) -> None:
        """Go back to earlier trainers, to learn again; models that are not named begin anew.

        Call ``learn_again`` for the epochs that follow up to the one at hand, then ``learn_epoch``
        for this. Versions go on counting from those that were there.
        """
        self._floors = self._versions()
        self._trainers = {
            model.name: restored.get(model.name) or Trainer(self.spec.of_model(model.name))
            for model in self.spec.models
        }
        self.reign = replace(self.reign, relearned=(*self.reign.relearned, relearned))

    def learn_again(self, epoch: int, examples: Sequence[Example], position: int) -> None:
        """Teach an epoch that was closed before; nobody scores with what it comes to."""
        marked = mark(self.spec, self.reign.relearned, epoch, examples)
        for trainer in self._trainers.values():
            if trainer.epoch is None or trainer.epoch < epoch:
                trainer.learn_epoch(epoch, marked, position)

    def refuse(self, request: str, why: str) -> None:
        """Note that a request (its id) cannot be carried out."""
        self._impossible[request] = why

    def learn_epoch(
        self,
        epoch: int,
        examples: Sequence[Example],
        position: int,
        requests: Sequence[Placed] = (),
    ) -> ContestResult:
        """Teach an epoch to every model that has not learned it, then decide who scores.

        See ``Trainer.learn_epoch``. requests: those of this epoch, by offset.
        """
        behind = {
            name: trainer
            for name, trainer in self._trainers.items()
            if trainer.epoch is None or trainer.epoch < epoch
        }
        before, versions = {n: t.epoch for n, t in behind.items()}, self._versions()
        marked = mark(self.spec, self.reign.relearned, epoch, examples)
        results = {name: self._teach(name, epoch, marked, position) for name in behind}
        first = results.pop(self._first, None)
        if first is None:
            return ContestResult(tuple(results.values()), ())
        predicted = {
            name: result.predicted
            for name, result in (results | {self._first: first}).items()
            if before[name] == before[self._first] and versions[name] > 0
        }
        refused = self._decide(epoch, predicted, requests)
        closing = replace(first, manifest=replace(first.manifest, reign=self.reign))
        return ContestResult((*results.values(), closing), refused)

    def _teach(
        self, name: str, epoch: int, examples: Sequence[Example], position: int
    ) -> EpochResult:
        trainer = self._trainers[name]
        result = trainer.learn_epoch(epoch, examples, position)
        floor = self._floors.pop(name, None)
        return result if floor is None else trainer.renumber(floor + 1, result)

    def _decide(
        self, epoch: int, predicted: Mapping[str, Predicted | None], requests: Sequence[Placed]
    ) -> tuple[tuple[ModelRequest, str], ...]:
        """Who scores after this epoch: evidence first, then requests, which overrule it."""
        versions = self._versions()
        reign = at_the_end(without_the_lost(self.reign, self._first, versions, epoch), versions)
        reign = replace(reign, evidence=self._compared(reign, epoch, predicted))
        if self.spec.learning.promote == "auto":
            reign = promote_by_evidence(reign, epoch, versions, self._every)
        refused = []
        for offset, request in requests:
            impossible = self._impossible.pop(request.id, None)
            reign, refusal = carry_out(reign, request, offset, epoch, versions, impossible)
            if refusal is not None:
                refused.append((request, refusal))
        self.reign = reign
        return tuple(refused)

    def _compared(
        self, reign: Reign, epoch: int, predicted: Mapping[str, Predicted | None]
    ) -> tuple[Paired, ...]:
        """The evidence after this epoch. A pinned version does not learn, so it is not compared."""
        others = [name for name in self._trainers if name != reign.name]
        known = {paired.model: paired for paired in reign.evidence}
        found = [known.get(name, Paired(name)) for name in others]
        champion = predicted.get(reign.name)
        if champion is None or reign.pinned:
            return tuple(found)
        losses = log_losses(champion.labels, champion.probabilities)
        gains = {
            name: losses - log_losses(theirs.labels, theirs.probabilities)
            for name, theirs in predicted.items()
            if theirs is not None
        }
        block = epoch // self._every
        return tuple(
            compare(one, block, gains[one.model], champion.weights, self._alpha)
            if one.model in gains
            else one
            for one in found
        )

    def _versions(self) -> dict[str, int]:
        manifests = {name: trainer.manifest for name, trainer in self._trainers.items()}
        return {name: 0 if m is None else m.version for name, m in manifests.items()}
