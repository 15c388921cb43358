"""The fixed model of the job: learned once, by the project's own trainer, from seeded examples.

It is what a trainer would have published before the stream begins: scores use it throughout, and
nothing is learned while the bench runs. Peers get the very River model inside.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any

from bench.job.events import DAY, START
from models.learning.payload import unpack_tail
from models.learning.signing import sign
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example
from schemas.snapshots import Manifest

EXAMPLES = 2_000
KEY = "the bench's own key, long enough to sign with"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a trainer would have published: announcement (not signed yet) and payload."""

    manifest: Manifest
    payload: bytes

    @property
    def model(self) -> Any:
        """The River classifier inside."""
        return unpack_tail(self.payload).model

    @property
    def key(self) -> str:
        """Where the payload lies in the snapshot store."""
        assert self.manifest.payload is not None
        return self.manifest.payload

    def announcement(self, app: str) -> Manifest:
        """Signed, as a run's own app would have it."""
        return sign(replace(self.manifest, app=app), KEY.encode())


def learn(spec: Spec) -> Snapshot:
    """Version 1, in force before the first event."""
    every = spec.learning.every
    epoch = START * 1000 // every * every
    assert epoch + spec.learning.activation_delay < START * 1000
    result = Trainer(spec).learn_epoch(epoch, examples(spec, epoch), 0)
    assert result.payload is not None
    # On the arrival clock a worker waits for the announcement of every epoch that it passes.
    end = START * 1000 + 60 * DAY * 1000
    return Snapshot(replace(result.manifest, epoch=end), result.payload)


def examples(spec: Spec, epoch: int) -> list[Example]:
    """Examples whose labels depend on how much and how recently a product was used."""
    rng = random.Random(11)
    return [_example(spec, epoch, number, rng) for number in range(EXAMPLES)]


def _example(spec: Spec, epoch: int, number: int, rng: random.Random) -> Example:
    vector = {feature.name: _value(feature.agg, rng) for feature in spec.features}
    vector = {name: value for name, value in vector.items() if rng.random() > 0.1}
    logit = 0.3 * vector.get("since_use", 0.0) / 86_400 - 0.05 * vector.get("use_7d", 0.0)
    return Example(
        id=f"{number:032x}",
        app=spec.app,
        user=f"taught-{number}",
        partition=0,
        time=epoch - spec.learning.every,
        epoch=epoch,
        label=int(rng.random() < 1 / (1 + math.exp(-logit))),
        weight=1.0,
        vector=vector,
        complete=vector,
        as_of={},
        health={},
        treatment={},
        probability=0.3,
        model_version=0,
        feature_set=spec.feature_set,
    )


def _value(agg: str, rng: random.Random) -> float:
    if agg == "last_seen_age":
        return rng.expovariate(1 / 86_400)
    if agg == "count":
        return float(int(rng.expovariate(0.02)))
    return rng.lognormvariate(2.0, 1.0)
