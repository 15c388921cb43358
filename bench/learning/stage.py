"""The order of things: what may be learned before which cut is scored, the same for everyone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bench.learning.rows import Rows
from models.grid import Bool, Float, Int
from models.spec import Spec


class Learner(Protocol):
    """A contender at work."""

    def learn(self, epoch: int, chosen: Int) -> None:
        """Take in the rows at these places, matured at the end of ``epoch``, in this order."""

    def predict(self, cut: int, chosen: Int) -> Float:
        """P(churn) of the rows at these places, all of the cut at ``cut``. May retrain first."""

    def megabytes(self) -> float:
        """What has to be kept between two examples, as it would be stored."""


Maker = Callable[[Spec, Rows], Learner]


@dataclass(slots=True)
class Meter:
    """CPU seconds of the process, and over how many examples."""

    seconds: float = 0.0
    examples: int = 0

    @contextmanager
    def running(self, examples: int) -> Iterator[None]:
        """Count what happens inside."""
        began = time.process_time()
        yield
        self.seconds += time.process_time() - began
        self.examples += examples

    @property
    def milliseconds(self) -> float:
        """For one example."""
        return 1e3 * self.seconds / max(1, self.examples)


@dataclass(slots=True)
class Run:
    """What came of it. probability: float64[n], NaN where a row was not scored."""

    probability: Float
    learn: Meter = field(default_factory=Meter)
    score: Meter = field(default_factory=Meter)
    megabytes: float = 0.0


def prequential(spec: Spec, rows: Rows, learner: Learner, taking: Bool | None = None) -> Run:
    """Score every cut with what had matured by then, learn once, in one pass.

    As in production: the rows of an epoch are in force from its end + ``activation_delay`` on;
    ``sampled`` rows are learned, all are scored. taking: only these rows (of some users).
    """
    taking = np.ones(len(rows), dtype=np.bool_) if taking is None else taking
    run = Run(np.full(len(rows), np.nan))
    learnable = np.flatnonzero(taking & rows.sampled)
    learnable = learnable[np.argsort(rows.epoch[learnable], kind="stable")]
    ends, starts = np.unique(rows.epoch[learnable], return_index=True)
    epochs = list(zip(ends.tolist(), np.split(learnable, starts[1:]), strict=True))
    for cut in np.unique(rows.time[taking]).tolist():
        while epochs and epochs[0][0] + spec.learning.activation_delay <= cut:
            end, chosen = epochs.pop(0)
            with run.learn.running(len(chosen)):
                learner.learn(end, chosen)
        chosen = _of_cut(rows, cut)
        chosen = chosen[taking[chosen]]
        with run.score.running(len(chosen)):
            run.probability[chosen] = learner.predict(cut, chosen)
    run.megabytes = learner.megabytes()
    return run


def _of_cut(rows: Rows, cut: int) -> Int:
    return np.arange(*np.searchsorted(rows.time, [cut, cut + 1]))
