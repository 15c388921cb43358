"""Chance that is the same every time: a seeded hash of what is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.hashing import hash_text, hash_texts
from streams.faults.log import Chosen

_MIX = (np.uint64(0xBF58_476D_1CE4_E5B9), np.uint64(0x94D0_49BB_1331_11EB))
"""Multipliers of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
OOPSLA 2014)."""


def chosen(texts: Sequence[bytes | None], share: float, salt: str) -> Chosen:
    """Choose about this share of distinct texts; equal texts have the same fate. bool[n].

    What is chosen with one salt is independent of what is chosen with another.
    """
    if share >= 1.0:
        return np.ones(len(texts), dtype=np.bool_)
    hashes = hash_texts([(text or b"").decode(errors="replace") for text in texts])
    mixed = hashes ^ np.uint64(hash_text(salt))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[1]
    mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed < np.uint64(int(share * 2**64)), dtype=np.bool_)
