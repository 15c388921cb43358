"""A scorer that has learned about policies, without learning: every number is made up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.grid import Bool, Float
from models.learning.policies import logged_of
from models.learning.told_policies import LagForm, Policies
from models.spec import PolicySpec, Spec
from models.staleness.ages import rungs_of
from models.staleness.belief import Belief, Degrade
from models.staleness.nowcast import Beliefs, Line, Scale
from tests.models.engine.harness import Linear, Models, Worker
from tests.models.engine.story import Item, S, topics

LAGS = ((("usage", 30 * S),), (("billing", 40 * S),), (("usage", 40 * S), ("billing", 40 * S)))


@dataclass(frozen=True, slots=True)
class Knowing(Linear):
    """Also leaves out what is masked, and moves with beliefs."""

    def marginal(self, matrix: Float, masked: Bool, how: Degrade = "average") -> Float:
        return self.predict(np.where(masked, np.nan, matrix)) * 0.9

    def expected(self, matrix: Float, belief: Belief) -> Float:
        doubt = np.where(belief.uncertain, belief.variance, 0.0).sum(axis=1)
        return self.predict(belief.known(matrix)) / (1 + doubt / 100)

    def probabilities(self, matrix: Float) -> Float:
        return self.predict(matrix)


class Learned(Models):
    """Snapshots that carry policies."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.policies = made_up(spec)

    def in_force(self, time: int) -> Knowing:
        plain = super().in_force(time)
        return Knowing(plain.version, plain.valid_from, policies=self.policies)


def made_up(spec: Spec) -> Policies:
    """Weights, beliefs and models with a lag, from fixed seeds."""
    rng = np.random.default_rng(5)
    f = len(spec.features)
    scale = Scale(np.full(f, 0.5), np.full(f, 2.0), logged_of(spec))
    lines = {}
    for source in ("usage", "billing"):
        columns = tuple(j for j, one in enumerate(spec.features) if one.source == source)
        for bound in rungs_of(spec):
            slope = rng.normal(0, 0.05, (2 + f, len(columns)))
            spread, absent = rng.random(len(columns)), rng.random((2, len(columns)))
            lines[source, bound] = Line(
                slope, np.eye(2 + f) / 50, spread, absent, float(bound), columns
            )
    general = np.array([0.2, 0.1, 0.2, 0.1, 0.2, 0.2])
    usage = np.array([0.1, 0.1, 0.4, 0.1, 0.2, 0.1])
    gate = {"any": general, "usage": usage}
    beliefs = Beliefs(scale, lines, np.zeros(f), np.ones(f), np.full(f, 0.1))
    lagged = tuple(LagForm(lags, Knowing(9, None), 500) for lags in LAGS)  # type: ignore[arg-type]
    return Policies(gate, beliefs, lagged, (("billing", 40 * S), ("usage", 30 * S)))


def with_policy(spec: Spec, default: str, **own: str) -> Spec:
    """own: policies of sources by name."""
    sources = tuple(replace(one, policy=own.get(one.name)) for one in spec.sources)  # type: ignore[arg-type]
    return replace(spec, sources=sources, policy=PolicySpec(default))  # type: ignore[arg-type]


def worker(spec: Spec, items: list[Item]) -> Worker:
    """A worker whose snapshots know about policies."""
    found = Worker(spec, topics(spec, items))
    found.models = Learned(spec)
    return found
