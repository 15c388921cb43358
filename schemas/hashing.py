"""A 64-bit hash of text that is the same in every process, for single texts and for columns.

Not cryptographic, except for long texts. Texts of one length that differ in eight aligned bytes
only never collide; otherwise two different texts do with a probability of about 2**-64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.textblocks import Matrix, blocks

LONG = 256
"""Texts of more bytes are hashed by blake2b."""

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_SEED = 0x9E37_79B9_7F4A_7C15
_STEP = 0xD6E8_FEB8_6659_FD93
_END = (0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53)
"""Multipliers of murmur3's 64-bit finaliser."""


@lru_cache(maxsize=65_536)
def hash_text(text: str) -> int:
    """Hash one text to 64 bits; never 0, which stands for no text.

    >>> hash_text("quiz") == hash_texts(["quiz"]).tolist()[0] != 0
    True
    """
    data = text.encode()
    if len(data) > LONG:
        return _long(data)
    h = _SEED ^ (len(data) * _STEP & _MASK)
    for i in range(0, len(data), 8):
        h = (h ^ int.from_bytes(data[i : i + 8], "little")) * _STEP & _MASK
        h ^= h >> 32
    for factor in _END:
        h = (h ^ (h >> 33)) * factor & _MASK
    return (h ^ (h >> 33)) or 1


def hash_texts(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Hash a column; equal to `hash_text` of each. Columns of few distinct texts are quickest."""
    distinct = set(texts)
    if len(distinct) * 4 <= len(texts):
        table = {text: hash_text(text) for text in distinct}
        return np.fromiter(map(table.__getitem__, texts), np.uint64, len(texts))
    return _hash_all(texts)


def _hash_all(texts: Sequence[str]) -> NDArray[np.uint64]:
    hashes = np.empty(len(texts), dtype=np.uint64)
    for rows, matrix in blocks(texts):
        hashes[rows] = _hash_block(matrix)
    return hashes


def _hash_block(matrix: Matrix) -> NDArray[np.uint64]:
    rows, length = matrix.shape
    if length > LONG:
        return np.array([_long(row.tobytes()) for row in matrix], dtype=np.uint64)
    padded = np.zeros((rows, -(-length // 8) * 8), dtype=np.uint8)
    padded[:, :length] = matrix
    h = np.full(rows, _SEED ^ (length * _STEP & _MASK), dtype=np.uint64)
    for word in padded.view("<u8").T:
        h = (h ^ word) * np.uint64(_STEP)
        h ^= h >> np.uint64(32)
    for factor in _END:
        h = (h ^ (h >> np.uint64(33))) * np.uint64(factor)
    h ^= h >> np.uint64(33)
    h[h == 0] = 1
    return h


def _long(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") or 1
