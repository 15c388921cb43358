"""One run of the production engine and trainer over a log: every cut's label and what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from models.engine.requests import Output
from models.grid import Bool, Int
from models.learning.numerics import Floats
from models.spec import Spec
from streams.replay import Record, Replay, Trained

LEARNED = "learned"
NAN = float("nan")


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
    gathered = _Gathered()
    Replay(every_cut(spec), Trained(spec), gathered.see).run(records)
    return gathered.said()


class _Gathered:
    """What comes out of a run, taken from its examples."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, float, float]] = []
        self._said: dict[str, list[float]] = {}

    def see(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == "examples":
                value = orjson.loads(output.value)
                if value["kind"] == "example":
                    self._keep(value)

    def _keep(self, example: dict[str, Any]) -> None:
        said = example.get("experts") or {}
        for policy in said.keys() - self._said.keys():
            self._said[policy] = [NAN] * len(self._rows)
        for policy, values in self._said.items():
            values.append(said.get(policy, NAN))
        self._rows.append(
            (example["time"], example["user"], example["label"], example["probability"])
        )

    def said(self) -> Said:
        """Where everything was fresh there is nothing to treat: all policies said the same."""
        time, user, label, learned = zip(*self._rows, strict=True) if self._rows else ((),) * 4
        probability = np.array(learned, dtype=float)
        said = {policy: np.array(values) for policy, values in self._said.items()}
        latest = _or(said.get("latest", probability), probability)
        by_policy = {policy: _or(values, latest) for policy, values in said.items()}
        whole = {"latest": latest} | by_policy | {LEARNED: probability}
        return Said(
            np.array(time, dtype=np.int64), tuple(user), np.array(label, dtype=float), whole
        )


def _or(values: Floats, others: Floats) -> Floats:
    return np.where(np.isnan(values), others, values)
