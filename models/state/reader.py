"""Reading a binary value front to back."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from models.grid import Float


class Reader:
    """A position in a value; every read moves it on.

    Reading past the end raises ValueError or struct.error.
    """

    def __init__(self, value: bytes, position: int = 0) -> None:
        self.value = value
        self.position = position

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next fixed-size fields."""
        fields = layout.unpack_from(self.value, self.position)
        self.position += layout.size
        return fields

    def array(self, dtype: str, count: int) -> np.ndarray[tuple[int], np.dtype[Any]]:
        """The next ``count`` items of a numpy type."""
        items = np.frombuffer(self.value, dtype=dtype, count=count, offset=self.position)
        self.position += items.nbytes
        return items

    def floats(self, count: int) -> Float:
        """The next ``count`` float64."""
        return self.array("<f8", count)

    def bytes(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if count > len(self.value) - self.position:
            raise ValueError(f"{count} bytes are due at {self.position} of {len(self.value)}")
        part = self.value[self.position : self.position + count]
        self.position += count
        return part
