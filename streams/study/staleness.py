"""The study of staleness: conditions × models × seeds, all policies out of each run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import numpy as np

from models.grid import Bool, Int
from models.spec import ModelSpec, Spec
from models.staleness.ages import rounded_up
from schemas.times import HOUR
from streams.study.conditions import LAGS, Condition
from streams.study.figures import Bands, figures, reliability
from streams.study.logs import Log
from streams.study.running import Said, run
from streams.study.truth import Truth

WARM_UP = 0.25
"""Share of the log's time that is learned from before figures are taken."""

LONGEST = rounded_up(max(LAGS) + HOUR, HOUR)
"""How old sources may be for policies to learn of it: a source that is late by the longest of the
usual conditions is older than that by up to a pane, and its model's lag is rounded up."""


class RunKilledError(RuntimeError):
    """The process of a run has gone without a word. The message names the remedy."""


MakeLog = Callable[[int], Log]


@dataclass(frozen=True, slots=True)
class Cell:
    """A model in a run. found: policy → log loss (nats) and AUC. rows: scores they are taken of.

    seconds: the model's share of the run's. bands: policy → its reliability.
    """

    condition: str
    model: str
    seed: int
    rows: int
    positives: int
    found: dict[str, dict[str, float]]
    seconds: float
    bands: Mapping[str, Bands] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Study:
    """What is to be run.

    spec: the deployment; its ``[model]`` is replaced by each of ``models`` in turn. make_log: the
    log of a seed, without faults. seeds: one for recorded logs.
    """

    spec: Spec
    conditions: Sequence[Condition]
    models: Sequence[ModelSpec]
    seeds: Sequence[int]
    make_log: MakeLog

    def __len__(self) -> int:
        """Runs."""
        return len(self.conditions) * len(self.models) * len(self.seeds)

    def cells(self, jobs: int) -> Iterator[Cell]:
        """Run everything, ``jobs`` runs at a time, log after log; all models in one run."""
        for seed in self.seeds:
            log = self.make_log(seed)
            truth = Truth(self.spec, log)
            tasks = [
                _Task(self.spec, log, truth, condition, self.models, seed)
                for condition in self.conditions
            ]
            _tasks[:] = tasks
            try:
                with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
                    for cells in pool.map(_run, range(len(tasks))):
                        yield from cells
            except BrokenProcessPool as error:
                raise RunKilledError(
                    f"a run over {len(log):,} events was killed, most likely because memory ran "
                    f"out ({jobs} at a time). Take fewer runs at a time (--jobs), or a share of "
                    "the users (--users 0.3)."
                ) from error


@dataclass(frozen=True, slots=True)
class _Task:
    spec: Spec
    log: Log
    truth: Truth
    condition: Condition
    models: Sequence[ModelSpec]
    seed: int

    def cells(self) -> list[Cell]:
        """One run of the engine, with all models."""
        began = time.monotonic()
        base = replace(all_policies(self.spec), challengers=())
        faults = self.condition.read(base, self.log.first)
        specs = [replace(base, model=model) for model in self.models]
        found = run(specs, self.log.arriving(faults), self.truth)
        seconds = (time.monotonic() - began) / len(specs)
        return [
            self._cell(model, said, seconds) for model, said in zip(self.models, found, strict=True)
        ]

    def _cell(self, model: ModelSpec, said: Said, seconds: float) -> Cell:
        counted = said.part(counting(self.log, self.spec, said.time))
        return Cell(
            self.condition.name,
            model.name,
            self.seed,
            len(counted),
            int(counted.label.sum()),
            figures(counted.label, counted.by_policy),
            seconds,
            {name: reliability(counted.label, p) for name, p in counted.by_policy.items()},
        )


def all_policies(spec: Spec) -> Spec:
    """The same deployment, every policy weighed on every source, up to the longest of the lags."""
    sources = tuple(replace(source, policy=None) for source in spec.sources)
    longest = max(spec.policy.longest_lag, spec.labels.horizon, LONGEST)
    policy = replace(spec.policy, default="learned", longest_lag=longest)
    return replace(spec, sources=sources, policy=policy)


def counting(log: Log, spec: Spec, time: Int) -> Bool:
    """Which cuts count: those behind the warm-up whose horizon the log covers."""
    begun = (log.first + int(WARM_UP * (log.last - log.first))) * 1000
    covered = log.last * 1000 - spec.labels.horizon
    return np.asarray((time >= begun) & (time <= covered), dtype=np.bool_)


_tasks: list[_Task] = []
"""What forked processes inherit: logs are large, and needn't travel."""


def _run(number: int) -> list[Cell]:
    return _tasks[number].cells()
