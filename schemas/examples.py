"""What the trainer learns from: examples and the markers that close an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EXAMPLE_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Example:
    """A matured cut. ``vector``: as scored at the cut; ``complete``: as known when released.

    Both map feature name to value; a feature that was not known is absent. ``epoch`` is the end
    of the epoch the example belongs to. time, epoch: microseconds since the epoch.
    """

    id: str
    app: str
    user: str
    partition: int
    time: int
    epoch: int
    label: int
    weight: float
    vector: dict[str, float]
    complete: dict[str, float]
    as_of: dict[str, int | None]
    health: dict[str, str]
    treatment: dict[str, str]
    probability: float
    model_version: int
    feature_set: str
    kind: Literal["example"] = "example"
    schema_version: int = EXAMPLE_SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """Partition ``partition`` of ``partitions`` has released every example of epochs ≤ epoch."""

    app: str
    partition: int
    partitions: int
    epoch: int
    feature_set: str
    kind: Literal["epoch_end"] = "epoch_end"
    schema_version: int = EXAMPLE_SCHEMA_VERSION
