"""What the trainer reads: examples, the markers that close an epoch, requests about models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

EXAMPLE_SCHEMA_VERSION = 1
REQUEST_SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class Example:
    """A matured cut. ``vector``: as scored at the cut; ``complete``: as known when released.

    Both map feature name to value; a feature that was not known is absent. ``epoch`` is the end
    of the epoch the example belongs to. time, epoch: microseconds since the epoch. corrupt: sources
    of which wrong data was, or may have been, in a vector or in the label; it is not learned then.

    What policies about stale sources are learned from (all empty on examples from before it was
    there): experts: what each policy said at the cut, by name, where a source was stale. ages: the
    stale sources, each with the upper bound of its bucket of age in microseconds, 0: older than
    any. complete_as_of: how far each source was known when the example was released. lagged:
    source to lag (microseconds, as text) to its features as of so long before the cut. paired: the
    lag that beliefs are learned with, and its bucket; null: none.
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
    corrupt: list[str] = field(default_factory=list)
    experts: dict[str, float] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    complete_as_of: dict[str, int | None] = field(default_factory=dict)
    lagged: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    paired: tuple[int, int] | None = None
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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Wrong data of a source: its events with begin < time <= until; until null: to the end."""

    source: str
    begin: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What an operator asks of the trainer, carried out at the end of the next epoch.

    It stands among the examples, so it has a place in their order, and learning again repeats it.
    action: ``promote`` a model (always its newest version from then on), or ``rollback``: to
    ``version`` of the model, which stays until the next request to promote, or, without a version,
    to the champion before. model: null: the champion. before: a rollback of ALL models to
    their last snapshots at or before this time, microseconds; they learn the examples since then
    again, but for those that wrong data (left_out) may be in.
    """

    id: str
    app: str
    action: Literal["promote", "rollback"]
    model: str | None
    version: int | None
    note: str
    asked_at: str
    before: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    kind: Literal["model_request"] = "model_request"
    schema_version: int = REQUEST_SCHEMA_VERSION
