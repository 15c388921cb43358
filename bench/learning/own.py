"""Ebbline through the trainer that production runs: epochs, snapshots, compiled scoring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.learning.rows import Rows
from models.grid import Float, Int
from models.learning.scorer import as_dicts
from models.learning.trainer import Trainer
from models.spec import ModelSpec, Spec
from schemas.examples import Example


class Own:
    """A trainer for one kind of model; it scores with what its last payload compiles to."""

    def __init__(self, spec: Spec, rows: Rows, model: ModelSpec) -> None:
        self._spec = replace(spec, model=model, challengers=())
        self._rows = rows
        self._trainer = Trainer(self._spec)
        self._bytes = 0

    def learn(self, epoch: int, chosen: Int) -> None:
        """Learn an epoch."""
        result = self._trainer.learn_epoch(epoch, self._examples(epoch, chosen), position=0)
        if result.payload is not None:
            self._bytes = len(result.payload)

    def predict(self, _cut: int, chosen: Int) -> Float:
        """Score, a batch at a time, as workers do."""
        return np.asarray(self._trainer.scorer.predict(self._rows.scored[chosen]))

    def megabytes(self) -> float:
        """The snapshot: everything that is needed to score and to learn on."""
        return self._bytes / 1e6

    def _examples(self, epoch: int, chosen: Int) -> list[Example]:
        rows, spec = self._rows, self._spec
        vectors = as_dicts(rows.names, rows.scored[chosen])
        complete = as_dicts(rows.names, rows.complete[chosen])
        return [
            Example(
                id=f"{rows.user[place]}-{rows.time[place]}",
                app=spec.app,
                user=rows.users[rows.user[place]],
                partition=0,
                time=int(rows.time[place]),
                epoch=epoch,
                label=int(rows.label[place]),
                weight=float(rows.weight[place]),
                vector=vectors[i],
                complete=complete[i],
                as_of={},
                health={},
                treatment={},
                probability=spec.model.prior,
                model_version=0,
                feature_set=spec.feature_set,
            )
            for i, place in enumerate(chosen.tolist())
        ]
