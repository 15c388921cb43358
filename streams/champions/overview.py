"""What the models topic says of a deployment's models. Pure; the topic is read elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.learning.errors import SignatureError
from models.learning.reign import KEPT_VERSIONS
from models.learning.signing import verify
from models.spec import Spec
from schemas.codec import CodecError, decode_manifest
from schemas.snapshots import Manifest, Paired, Reign


@dataclass(frozen=True, slots=True)
class Overview:
    """Newest announcement of each configured model, and every change of champion.

    manifests: in the configuration's order; None: never announced. reign: None before the first
    epoch. changes: (end of the epoch, valid from, reign), oldest first. refused: announcements
    whose signature is not ours.
    """

    manifests: Mapping[str, Manifest | None]
    reign: Reign | None
    changes: tuple[tuple[int, int, Reign], ...]
    refused: int = 0

    def evidence(self, name: str) -> Paired | None:
        """A challenger against the present champion."""
        found = self.reign.evidence if self.reign is not None else ()
        return next((paired for paired in found if paired.model == name), None)

    def versions(self) -> dict[str, int]:
        """Newest version of each model."""
        return {name: m.version if m else 0 for name, m in self.manifests.items()}

    def kept(self, name: str) -> range:
        """Versions of a model that a rollback can go back to."""
        newest = self.versions().get(name, 0)
        return range(max(newest - KEPT_VERSIONS + 1, 1), newest + 1)


@dataclass(slots=True)
class Collector:
    """Takes in records of the models topic; later ones of a key replace earlier ones.

    key: None: signatures are not looked at.
    """

    spec: Spec
    key: bytes | None
    refused: int = 0
    _announced: dict[tuple[str, int], Manifest] = field(default_factory=dict)

    def add(self, value: bytes | None) -> None:
        """Take in a record; what is none of ours is left out."""
        try:
            manifest = decode_manifest(value)
        except CodecError:
            return
        if manifest.app != self.spec.app:
            return
        try:
            if self.key is not None:
                verify(manifest, self.key)
        except SignatureError:
            self.refused += 1
            return
        self._announced[manifest.name, manifest.epoch] = manifest

    def overview(self) -> Overview:
        """What is known now."""
        first = self.spec.model.name
        closing = sorted(
            (m for m in self._announced.values() if m.name == first), key=lambda m: m.epoch
        )
        return Overview(
            manifests={
                model.name: max(
                    (m for m in self._announced.values() if m.name == model.name),
                    key=lambda m: m.epoch,
                    default=None,
                )
                for model in self.spec.models
            },
            reign=_reign(closing[-1]) if closing else None,
            changes=tuple(_changes(closing)),
            refused=self.refused,
        )


def _reign(closing: Manifest) -> Reign:
    return closing.reign or Reign(closing.name, closing.version)


def _changes(closing: Iterable[Manifest]) -> Iterable[tuple[int, int, Reign]]:
    before: Any = None
    for manifest in closing:
        reign = _reign(manifest)
        what = (reign.name, reign.since, reign.version if reign.pinned else None)
        if what != before:
            yield manifest.epoch, manifest.valid_from, reign
        before = what
