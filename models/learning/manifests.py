"""What a trainer says of its epochs: manifests, unsigned."""

from __future__ import annotations

from dataclasses import replace

from river.__version__ import __version__ as river_version

from models.learning.payload import FORMAT, checksum
from models.spec import Spec
from schemas.snapshots import MANIFEST_SCHEMA_VERSION, Manifest


def first_manifest(spec: Spec, epoch: int, position: int) -> Manifest:
    """Manifest of version 0: nothing was learned yet, the prior is in force."""
    return Manifest(
        app=spec.app,
        name=spec.model.name,
        version=0,
        epoch=epoch,
        valid_from=epoch + spec.learning.activation_delay,
        changed=False,
        position=position,
        learned=0,
        positives=0,
        kind=spec.model.kind,
        format=FORMAT,
        river=river_version,
        feature_set=spec.feature_set,
        features=[feature.name for feature in spec.features],
        metrics={},
        payload=None,
        size=0,
        checksum=None,
    )


def unchanged(manifest: Manifest, spec: Spec, epoch: int, position: int) -> Manifest:
    """Manifest of an epoch in which nothing was learned: the version stays in force."""
    valid_from = epoch + spec.learning.activation_delay
    return replace(
        manifest,
        epoch=epoch,
        valid_from=valid_from,
        position=position,
        changed=False,
        signature="",
        reign=None,
        schema_version=MANIFEST_SCHEMA_VERSION,
    )


def changed(
    manifest: Manifest,
    payload: bytes,
    learned: int,
    positives: int,
    metrics: dict[str, float | None],
) -> Manifest:
    """Manifest of a new version: ``unchanged``'s, with what was learned and its payload.

    The payload's key tells app, model, version and content, so no two contents share one.
    """
    version = manifest.version + 1
    digest = checksum(payload)
    return replace(
        manifest,
        version=version,
        changed=True,
        learned=manifest.learned + learned,
        positives=manifest.positives + positives,
        metrics=metrics,
        payload=f"{manifest.app}/{manifest.name}/{version:08d}-{digest[:16]}",
        size=len(payload),
        checksum=digest,
    )
