"""Columns of text as matrices of bytes, one for each length, so that numpy can read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Matrix = NDArray[np.uint8]


def blocks(texts: Sequence[str]) -> Iterator[tuple[Rows, Matrix]]:
    """Group texts by their length in UTF-8: yields (their rows, their bytes as rows by length).

    >>> [(rows.tolist(), matrix.shape) for rows, matrix in blocks(["ab", "c", "de"])]
    [([1], (1, 1)), ([0, 2], (2, 2))]
    """
    if not texts:
        return
    joined = "".join(texts)
    if not joined.isascii():
        yield from _grouped([text.encode() for text in texts])
    elif len(set(map(len, texts))) == 1:
        yield np.arange(len(texts)), _matrix(joined.encode(), len(texts))
    else:
        yield from _grouped(list(map(str.encode, texts)))


def _grouped(parts: list[bytes]) -> Iterator[tuple[Rows, Matrix]]:
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        yield rows, _matrix(b"".join([parts[i] for i in rows.tolist()]), len(rows))


def _matrix(data: bytes, rows: int) -> Matrix:
    return np.frombuffer(data, dtype=np.uint8).reshape(rows, len(data) // rows)
