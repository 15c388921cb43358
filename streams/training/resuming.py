"""Where training goes on: the newest announced snapshots whose payloads are still kept.

The snapshot store may have lost payloads that were announced (Redis lost its last second, or
everything). Their epochs are learned again from the examples, which gives the same snapshots, bit
by bit, and puts them back into the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from models.learning.contest import Contest
from models.learning.relearning import bases
from models.learning.snapshots import load_trainer
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.snapshots import Manifest, Relearned
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
) -> tuple[Contest, Manifest | None]:
    """All models, and the announcement that the first goes on from (None: the first example).

    A challenger goes on from its own newest announcement that is no newer than that, so that an
    epoch that was not closed is learned again by all. One that was never announced begins with the
    first example that the topic holds.

    first_kept: offset of the first example that the topic still holds. Raises SnapshotError when
    a payload was altered or every announcement was refused (the key or the features are not those
    of the last trainer), Fatal when examples that must be learned again are gone.
    """
    if not models.manifests and models.refusal is not None:
        raise models.refusal
    restored: dict[str, Trainer] = {}
    newest: Manifest | None = None
    for model in spec.models:
        until = None if model.name == spec.model.name else newest
        if until is None and model.name != spec.model.name:
            break  # nothing was ever closed
        announced = [
            m for m in models.announced(model.name).values() if not until or m.epoch <= until.epoch
        ]
        found = await _restore(
            spec.of_model(model.name), announced, store, key, first_kept, metrics
        )
        if found is not None:
            restored[model.name] = found
            newest = newest or found.manifest
    return Contest(spec, restored), newest


async def restored_before(
    spec: Spec,
    models: ModelRegistry,
    store: SnapshotStore,
    key: bytes,
    first_kept: int,
    metrics: Metrics,
    relearned: Sequence[Relearned],
) -> dict[str, Trainer]:
    """Trainers after their last snapshots before the time at hand, the last of ``relearned``.

    Models without one that is kept begin with the first example. Raises Fatal when examples that
    must be learned again are gone.
    """
    restored = {}
    for model in spec.models:
        announced = bases(models.announced(model.name).values(), relearned)
        found = await _restore(
            spec.of_model(model.name), announced, store, key, first_kept, metrics
        )
        if found is not None:
            restored[model.name] = found
        elif first_kept > 0:
            raise _examples_gone(0, first_kept)
    return restored


async def _restore(
    spec: Spec,
    announced: Sequence[Manifest],
    store: SnapshotStore,
    key: bytes,
    first_kept: int,
    metrics: Metrics,
) -> Trainer | None:
    """The trainer of a model, after the newest of the announcements; None: it must begin anew."""
    for manifest in sorted(announced, key=lambda m: m.epoch, reverse=True):
        read = partial(store.get, manifest.payload or "")
        payload = await patiently(read, REDIS_AWAY, "snapshot store", metrics)
        if payload is not None or manifest.version == 0:
            return load_trainer(spec, _with_examples(manifest, first_kept), payload, key)
        log.warning(
            "an announced snapshot is not in the store: its epoch is learned again",
            model=manifest.name,
            epoch=format_time(manifest.epoch),
            version=manifest.version,
        )
    if announced and first_kept > 0:
        raise _examples_gone(0, first_kept)
    return None


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
