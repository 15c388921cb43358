"""Who answers when the engine asks for the model in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import orjson

from models.engine.requests import Output
from models.learning.cuts import is_example, kept_with
from models.learning.scorer import Scorer, prior_scorer
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example


class Models(Protocol):
    """Gives scorers, and sees what the engine puts out."""

    def at(self, time: int, epoch: int | None) -> Scorer:
        """The scorer in force at a time; epoch: see ``models.engine.requests.ModelAt``."""

    def see(self, outputs: Sequence[Output]) -> None:
        """Take note of records that were put out."""


class Prior:
    """Nothing is learned: the prior scores. For whoever wants features and labels only."""

    def __init__(self, spec: Spec) -> None:
        self._scorer = prior_scorer(spec)

    def at(self, time: int, epoch: int | None) -> Scorer:  # noqa: ARG002 - always the same
        """The prior."""
        return self._scorer

    def see(self, outputs: Sequence[Output]) -> None:
        """Nothing to learn."""


class Trained:
    """The trainer of production, epoch after epoch as the partition closes them.

    The engine may be run with an example of every cut, to have every score's label: what
    ``spec``, the deployment as it would run, would not have made an example of is not learned.

    Parameters
    ----------
    spec
        The deployment; its ``[model]`` learns and scores.

    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.trainer = Trainer(spec)
        self._waiting: list[Example] = []
        self._closed: list[int] = []

    def at(self, time: int, epoch: int | None) -> Scorer:  # noqa: ARG002 - epoch says it all
        """Learn up to the epoch in force, as the trainer would have done by then."""
        while epoch is not None and self._closed and self._closed[0] <= epoch:
            self._learn(self._closed.pop(0))
        return self.trainer.scorer

    def see(self, outputs: Sequence[Output]) -> None:
        """Keep examples and markers until their epoch is in force."""
        for one in told(outputs):
            self.take(one)

    def take(self, one: Example | int) -> None:
        """Keep an example, or the end of an epoch, until that is in force."""
        if isinstance(one, int):
            self._closed.append(one)
            return
        weight = kept_with(self._spec, one.user, one.time, one.label)
        if weight is not None and is_example(self._spec, one.user, one.time):
            self._waiting.append(one)

    def _learn(self, epoch: int) -> None:
        ready = [example for example in self._waiting if example.epoch <= epoch]
        self._waiting = [example for example in self._waiting if example.epoch > epoch]
        self.trainer.learn_epoch(epoch, ready, position=0)


def told(outputs: Sequence[Output]) -> Iterator[Example | int]:
    """Examples among an engine's outputs, and the ends of epochs, in order."""
    for output in outputs:
        if output.topic == "examples":
            value = orjson.loads(output.value)
            if value["kind"] == "epoch_end":
                yield int(value["epoch"])
            elif value["kind"] == "example":
                yield Example(**value)
