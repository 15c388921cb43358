"""Where a trainer goes on: the newest announced snapshot whose payload is still kept.

The snapshot store may have lost payloads that were announced (Redis lost its last second, or
everything). Their epochs are learned again from the examples, which gives the same snapshots, bit
by bit, and puts them back into the store.
"""

from __future__ import annotations

from functools import partial

import structlog

from models.learning.snapshots import load_trainer
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.snapshots import Manifest
from schemas.times import format_time
from streams.patience import REDIS_AWAY, patiently
from streams.snapshots.registry import ModelRegistry
from streams.snapshots.store import SnapshotStore
from streams.supervision import Fatal
from streams.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


async def resume(
    spec: Spec,
    models: ModelRegistry,
    store: SnapshotStore,
    key: bytes,
    first_kept: int,
    metrics: Metrics,
) -> tuple[Trainer, Manifest | None]:
    """A trainer, and the announcement it goes on from (None: from the first example).

    first_kept: offset of the first example that the topic still holds. Raises SnapshotError when
    a payload was altered or every announcement was refused (the key or the features are not those
    of the last trainer), Fatal when examples that must be learned again are gone.
    """
    announced = sorted(models.manifests.values(), key=lambda m: m.epoch, reverse=True)
    if not announced and models.refusal is not None:
        raise models.refusal
    for manifest in announced:
        read = partial(store.get, manifest.payload or "")
        payload = await patiently(read, REDIS_AWAY, "snapshot store", metrics)
        if payload is not None or manifest.version == 0:
            return load_trainer(spec, manifest, payload, key), _with_examples(manifest, first_kept)
        log.warning(
            "an announced snapshot is not in the store: its epoch is learned again",
            epoch=format_time(manifest.epoch),
            version=manifest.version,
        )
    if announced and first_kept > 0:
        raise _examples_gone(0, first_kept)
    return Trainer(spec), None


def _with_examples(manifest: Manifest, first_kept: int) -> Manifest:
    if manifest.position < first_kept:
        raise _examples_gone(manifest.position, first_kept)
    return manifest


def _examples_gone(position: int, first_kept: int) -> Fatal:
    return Fatal(
        f"learning must go on at offset {position} of the examples topic, which begins at "
        f"{first_kept} now. Restore the snapshot store from a backup; or give the model another "
        "name ([model] name), which learns from the examples that are left. Keep examples for "
        "ever: retention.ms=-1"
    )
