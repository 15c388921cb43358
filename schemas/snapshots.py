"""The models topic's record: one for each closed epoch, keyed by model name and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.examples import LeftOut

MANIFEST_SCHEMA_VERSION = 2

Decider = Literal["configuration", "evidence", "request"]


@dataclass(frozen=True, slots=True)
class Paired:
    """A challenger against the champion, both predicting the same examples before learning them.

    mean: by how much its log loss is lower, nats, mean over the closed blocks; squares: their
    squared deviations, summed. lower, upper: confidence sequence of the mean; null while there are
    too few blocks. block: number of the open block, with its summed (total) and counted (weight)
    differences. examples: compared so far.
    """

    model: str
    blocks: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lower: float | None = None
    upper: float | None = None
    block: int | None = None
    total: float = 0.0
    weight: float = 0.0
    examples: int = 0


@dataclass(frozen=True, slots=True)
class Relearned:
    """Learning again without wrong data: the epochs with after < epoch <= through, microseconds."""

    after: int
    through: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Reign:
    """Which model scores from the manifest's ``valid_from`` on, and why.

    name, version: the champion. pinned: the version stays, whatever is learned. held: nothing is
    promoted by evidence until a request to promote. since: end of the epoch that decided, 0: from
    the beginning. by: who decided; reason: in words. before: the champion before, null: none;
    before_pinned: the version it was pinned to, null: its newest. requests: offset in the examples
    topic of the newest request that was looked at, -1: none. relearned: which epochs were learned
    again, without what, in the order in which it was asked for.
    """

    name: str
    version: int
    pinned: bool = False
    held: bool = False
    since: int = 0
    by: Decider = "configuration"
    reason: str = "the model that [model] names"
    before: str | None = None
    before_pinned: int | None = None
    requests: int = -1
    evidence: tuple[Paired, ...] = ()
    relearned: tuple[Relearned, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a model at the end of an epoch.

    changed: False means nothing was learned in the epoch; the fields of the payload are then
    those of the version that stays in force.
    version: counts published snapshots from 1; 0 = nothing learned yet (no payload).
    epoch, valid_from: microseconds since the epoch. position: offset in the examples topic from
    which a trainer that loads this snapshot goes on. learned: examples learned so far.
    payload: key in the snapshot store; checksum: blake2b of the payload, hex;
    signature: HMAC-SHA256 over the manifest without it, hex. reign: which model scores; stands on
    the manifests of the model that ``[model]`` names, which close an epoch, on no challenger's.
    """

    app: str
    name: str
    version: int
    epoch: int
    valid_from: int
    changed: bool
    position: int
    learned: int
    positives: int
    kind: str
    format: int
    river: str
    feature_set: str
    features: list[str]
    metrics: dict[str, float | None]
    payload: str | None
    size: int
    checksum: str | None
    signature: str = ""
    reign: Reign | None = None
    schema_version: int = MANIFEST_SCHEMA_VERSION
