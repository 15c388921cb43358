"""What was known and said at a cut, in bytes.

They are written again with every change of the user, so they are packed once, and unpacked once,
when the label is known.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from models.spec import POLICIES
from models.state.layout import StateError
from models.state.reader import Reader

_FIXED = struct.Struct("<qdHH")
_EXPERTS = len(POLICIES)
NOT_STALE = -1
"""Age of a source that is fresh, or of which no feature is read."""

_SILENT = (float("nan"),) * _EXPERTS
_NOTHING = np.array(_SILENT, dtype="<f8").tobytes()
SAID = len(_NOTHING)
"""Bytes of what the policies said."""


@dataclass(frozen=True, slots=True)
class CutRecord:
    """as_of, health, treatment, ages: for each source. vector: for each feature, as scored (NaN).

    as_of, vector: as the policy ``latest`` has them. experts: what each policy said (NaN: nothing).
    ages: bucket of each stale source's age, NOT_STALE for the others.
    """

    model_version: int
    probability: float
    as_of: tuple[int, ...]
    health: bytes
    treatment: bytes
    vector: tuple[float, ...]
    experts: tuple[float, ...] = _SILENT
    ages: tuple[int, ...] = ()

    def pack(self) -> bytes:
        """To bytes; their number is what an example costs while it waits."""
        sizes = (len(self.as_of), len(self.vector))
        as_of = np.array(self.as_of, dtype="<i8").tobytes()
        vector = np.array(self.vector, dtype="<f8").tobytes()
        fixed = _FIXED.pack(self.model_version, self.probability, *sizes)
        said = np.array(self.experts, dtype="<f8").tobytes()
        ages = np.array(self.ages or (NOT_STALE,) * len(self.as_of), dtype="<i8").tobytes()
        return fixed + as_of + self.health + self.treatment + vector + said + ages

    @staticmethod
    def size(sources: int, features: int) -> int:
        """Number of the bytes."""
        return _size_before(sources, features) + SAID + sources * 8

    @classmethod
    def unpack(cls, packed: bytes) -> CutRecord:
        """From bytes. Raises StateError when they are damaged."""
        try:
            return cls._read(Reader(packed))
        except (struct.error, ValueError) as error:
            raise StateError(f"a waiting cut is damaged: {error}; rebuild the state") from error

    @classmethod
    def _read(cls, reader: Reader) -> CutRecord:
        version, probability, sources, features = reader.unpack(_FIXED)
        as_of = tuple(reader.array("<i8", sources).tolist())
        health, treatment = reader.bytes(sources), reader.bytes(sources)
        vector = tuple(reader.floats(features).tolist())
        experts = tuple(reader.floats(_EXPERTS).tolist())
        ages = tuple(reader.array("<i8", sources).tolist())
        return cls(version, probability, as_of, health, treatment, vector, experts, ages)


@dataclass(frozen=True, slots=True)
class Parts:
    """How a packed cut comes apart in memory, where many users have one of the same time.

    shared: model, as-of times, health, treatment, ages: nearly the same for all. own: probability
    and vector. said: what each policy said; b"" where none spoke.
    """

    sources: int
    features: int

    @property
    def own_size(self) -> int:
        """Bytes of ``own``."""
        return 8 * (1 + self.features)

    def part(self, packed: bytes) -> tuple[bytes, bytes, bytes]:
        """``(shared, own, said)`` of a packed cut."""
        head, vector, experts = self._ends()
        said = packed[vector:experts]
        shared = packed[:8] + packed[16:head] + packed[experts:]
        return shared, packed[8:16] + packed[head:vector], b"" if said == _NOTHING else said

    def join(self, shared: bytes, own: bytes, said: bytes) -> bytes:
        """The packed cut again."""
        head = self._ends()[0] - 8
        return b"".join(
            (shared[:8], own[:8], shared[8:head], own[8:], said or _NOTHING, shared[head:])
        )

    def _ends(self) -> tuple[int, int, int]:
        head = _FIXED.size + self.sources * (8 + 1 + 1)
        vector = head + self.features * 8
        return head, vector, vector + SAID


def brought_up(packed: bytes, sources: int, features: int) -> bytes:
    """A packed cut of today's size: in one from before policies were weighed none spoke."""
    if len(packed) != _size_before(sources, features):
        return packed
    return packed + _NOTHING + np.full(sources, NOT_STALE, dtype="<i8").tobytes()


def _size_before(sources: int, features: int) -> int:
    """Bytes without what policies said."""
    return _FIXED.size + sources * (8 + 1 + 1) + features * 8
