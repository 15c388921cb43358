"""Pickling of what carries a random generator."""

from __future__ import annotations

from typing import Any

import numpy as np


class Seeded:
    """Has a ``_rng`` that is pickled as plain numbers: its own pickle names more than we allow."""

    _rng: np.random.Generator

    def __getstate__(self) -> dict[str, Any]:
        """State, with that of the random generator in its place."""
        return self.__dict__ | {"_rng": self._rng.bit_generator.state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._rng = np.random.Generator(np.random.PCG64())
        self._rng.bit_generator.state = state["_rng"]
