"""What was known and said at a cut, in bytes.

They are written again with every change of the user, so they are packed once, and unpacked once,
when the label is known.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from models.state.layout import StateError
from models.state.reader import Reader

_FIXED = struct.Struct("<qdHH")


@dataclass(frozen=True, slots=True)
class CutRecord:
    """as_of, health, treatment: for each source. vector: for each feature, as scored (NaN)."""

    model_version: int
    probability: float
    as_of: tuple[int, ...]
    health: bytes
    treatment: bytes
    vector: tuple[float, ...]

    def pack(self) -> bytes:
        """To bytes; their number is what an example costs while it waits."""
        sizes = (len(self.as_of), len(self.vector))
        as_of = np.array(self.as_of, dtype="<i8").tobytes()
        vector = np.array(self.vector, dtype="<f8").tobytes()
        fixed = _FIXED.pack(self.model_version, self.probability, *sizes)
        return fixed + as_of + self.health + self.treatment + vector

    @staticmethod
    def size(sources: int, features: int) -> int:
        """Number of the bytes."""
        return _FIXED.size + sources * (8 + 1 + 1) + features * 8

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
        return cls(version, probability, as_of, health, treatment, vector)
