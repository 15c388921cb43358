"""Snapshots of models: written by the trainer, read by scorers, refused if anything disagrees.

A snapshot is a manifest (signed) and a payload (named by the manifest's checksum). Whoever
loads one checks, in this order: signature, owner, formats, feature set, size, checksum; only
then is the payload unpickled, by an unpickler that makes nothing but models.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from river.__version__ import __version__ as river_version

from models.learning.compiling import make_scorer
from models.learning.errors import (
    AppError,
    ChecksumError,
    FeatureSetError,
    ForbiddenGlobalError,
    FormatError,
    KindError,
    PayloadError,
    RiverVersionError,
    SignatureError,
    SizeError,
    SnapshotError,
)
from models.learning.maturity import maturity_of
from models.learning.payload import (
    FORMAT,
    MAX_PAYLOAD_BYTES,
    checksum,
    pack,
    unpack_head,
    unpack_tail,
)
from models.learning.scorer import Scorer, prior_scorer
from models.learning.signing import sign, verify
from models.spec import Spec
from schemas.snapshots import MANIFEST_SCHEMA_VERSION, Manifest

if TYPE_CHECKING:
    from models.learning.trainer import Trainer

__all__ = [
    "AppError",
    "ChecksumError",
    "FeatureSetError",
    "ForbiddenGlobalError",
    "FormatError",
    "KindError",
    "PayloadError",
    "RiverVersionError",
    "SignatureError",
    "SizeError",
    "SnapshotError",
    "check_manifest",
    "load_scorer",
    "load_trainer",
    "pack",
    "prior_scorer",
    "sign",
    "unpack_head",
    "unpack_tail",
    "verify",
]


def check_manifest(spec: Spec, manifest: Manifest, key: bytes | None) -> None:
    """Check all that can be said of a snapshot without its payload. Raises SnapshotError."""
    verify(manifest, key)
    _check_owner(spec, manifest)
    _check_formats(manifest)
    _check_features(spec, manifest)


def load_scorer(
    spec: Spec,
    manifest: Manifest,
    payload: bytes | None,
    key: bytes | None,
    max_bytes: int = MAX_PAYLOAD_BYTES,
) -> Scorer:
    """Scorer of the version in force after the manifest's epoch; the prior's for version 0.

    Raises SnapshotError (its subclass tells why), having unpickled nothing that was not
    signed with ``key``.
    """
    checked = _check(spec, manifest, payload, key, max_bytes)
    if checked is None:
        return prior_scorer(spec)
    return make_scorer(spec, unpack_head(checked, spec.model.packages), maturity_of(manifest))


def load_trainer(
    spec: Spec,
    manifest: Manifest,
    payload: bytes | None,
    key: bytes | None,
    max_bytes: int = MAX_PAYLOAD_BYTES,
) -> Trainer:
    """Trainer as it was after the manifest's epoch; it reads on at ``manifest.position``.

    Raises SnapshotError, as ``load_scorer`` does, and KindError if the configuration has
    another model now.
    """
    from models.learning.trainer import Trainer  # slow to import, and not for scorers

    return Trainer.restore(spec, manifest, _check(spec, manifest, payload, key, max_bytes))


def _check(
    spec: Spec, manifest: Manifest, payload: bytes | None, key: bytes | None, max_bytes: int
) -> bytes | None:
    """Payload, once everything the manifest says of it and of us is so; None for version 0."""
    check_manifest(spec, manifest, key)
    if manifest.version == 0:
        return None
    return _check_payload(manifest, payload, max_bytes)


def _check_owner(spec: Spec, manifest: Manifest) -> None:
    theirs, ours = (manifest.app, manifest.name), (spec.app, spec.model.name)
    if theirs != ours:
        raise AppError(
            f"the snapshot belongs to {'/'.join(theirs)}, this is {'/'.join(ours)}: "
            "give each app a models topic of its own"
        )


def _check_formats(manifest: Manifest) -> None:
    theirs, ours = (manifest.schema_version, manifest.format), (MANIFEST_SCHEMA_VERSION, FORMAT)
    if theirs[0] > ours[0] or theirs[1] != ours[1]:
        raise FormatError(
            f"the snapshot has manifest and payload format {theirs}, this program reads {ours}: "
            "run the same version of ebbline everywhere, or learn again from the examples topic"
        )
    if manifest.river != river_version:
        raise RiverVersionError(
            f"the snapshot was pickled by River {manifest.river}, here is {river_version}: "
            "install the same version, or learn again from the examples topic"
        )


def _check_features(spec: Spec, manifest: Manifest) -> None:
    names = [feature.name for feature in spec.features]
    if manifest.feature_set != spec.feature_set or manifest.features != names:
        raise FeatureSetError(
            f"the snapshot was learned on feature set {manifest.feature_set}, the configuration "
            f"has {spec.feature_set}: give the model another name, or go back to the old features"
        )


def _check_payload(manifest: Manifest, payload: bytes | None, max_bytes: int) -> bytes:
    if payload is None:
        raise ChecksumError(
            f"the payload {manifest.payload} is not there: restore the snapshot store, or learn "
            "again from the examples topic"
        )
    if max(manifest.size, len(payload)) > max_bytes:
        raise SizeError(
            f"the payload {manifest.payload} has {max(manifest.size, len(payload))} bytes, the "
            f"limit is {max_bytes}: use a smaller model, or raise the limit"
        )
    if not hmac.compare_digest(checksum(payload).encode(), (manifest.checksum or "").encode()):
        raise ChecksumError(
            f"the payload {manifest.payload} has been altered or truncated ({len(payload)} bytes "
            f"of {manifest.size}): restore the snapshot store, or learn again"
        )
    return payload
