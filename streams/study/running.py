"""One run of the production engine and trainer over a log: every cut's label and what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import orjson

from models.engine.requests import Output
from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.spec import Spec
from schemas.examples import Example
from streams.replay import Record, Replay, Trained


@dataclass(frozen=True, slots=True)
class Said:
    """Cuts whose label is known, in the order in which they matured.

    time: int64[n], µs. user: of each. label: float64[n], 0 or 1. by_policy: what each policy said
    as the cut was scored, float64[n]; ``latest`` stands in where a policy was not to be had yet.
    """

    time: Int
    user: tuple[str, ...]
    label: Floats
    by_policy: Mapping[str, Floats]

    def __len__(self) -> int:
        """Cuts."""
        return len(self.label)

    def part(self, chosen: Bool) -> Said:
        """The chosen ones."""
        users = tuple(np.array(self.user, dtype=object)[chosen].tolist())
        said = {policy: values[chosen] for policy, values in self.by_policy.items()}
        return Said(self.time[chosen], users, self.label[chosen], said)


def every_cut(spec: Spec) -> Spec:
    """The same deployment with an example of every cut, to have every score's label."""
    learning = replace(spec.learning, example_every=spec.cuts.every, negatives=1.0)
    return replace(spec, learning=learning, scoring=replace(spec.scoring, reasons=0))


def run(spec: Spec, records: Iterable[list[Record]]) -> Said:
    """Score and learn the whole log, as production would have with ``spec``."""
    gathered = _Gathered(spec)
    Replay(every_cut(spec), Trained(spec), gathered.see).run(records)
    return gathered.said()


class _Gathered:
    """What comes out of a run, taken from its examples."""

    def __init__(self, spec: Spec) -> None:
        self._policy = spec.policy
        self._rows: list[tuple[int, str, float]] = []
        self._said: dict[str, list[float]] = {}

    def see(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == "examples":
                value = orjson.loads(output.value)
                if value["kind"] == "example":
                    self._keep(Example(**value))

    def _keep(self, example: Example) -> None:
        said = {self._policy: example.probability}
        for policy in said.keys() - self._said.keys():
            self._said[policy] = [float("nan")] * len(self._rows)
        for policy, values in self._said.items():
            values.append(said.get(policy, float("nan")))
        self._rows.append((example.time, example.user, float(example.label)))

    def said(self) -> Said:
        time, user, label = zip(*self._rows, strict=True) if self._rows else ((), (), ())
        arrays = {policy: np.array(values) for policy, values in self._said.items()}
        latest = arrays.get("latest")
        if latest is not None:
            arrays = {p: np.where(np.isnan(v), latest, v) for p, v in arrays.items()}
        return Said(np.array(time, dtype=np.int64), tuple(user), np.array(label), arrays)
