"""The models topic's record: one for each closed epoch, keyed by model name and epoch."""

from __future__ import annotations

from dataclasses import dataclass

MANIFEST_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a model at the end of an epoch.

    changed: False means nothing was learned in the epoch; the fields of the payload are then
    those of the version that stays in force.
    version: counts published snapshots from 1; 0 = nothing learned yet (no payload).
    epoch, valid_from: microseconds since the epoch. position: offset in the examples topic from
    which a trainer that loads this snapshot goes on. learned: examples learned so far.
    payload: key in the snapshot store; checksum: blake2b of the payload, hex;
    signature: HMAC-SHA256 over the manifest without it, hex.
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
    schema_version: int = MANIFEST_SCHEMA_VERSION
