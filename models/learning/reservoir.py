"""A bounded sample of rows, uniform over everything that was ever offered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.learning.numerics import Floats

_FIRST_ROWS = 64


class Reservoir:
    """Reservoir of at most ``capacity`` rows of f columns.

    The n-th row offered replaces a random kept one with probability ``min(1, γ capacity / n)``,
    γ = ``recency``. With γ = 1 (Algorithm R) each row offered so far is kept with the same
    probability, at any time. With a larger γ that of the t-th row is ``∝ (t / n)^(γ - 1)``: the
    mean age of the rows kept is ``n / (γ + 1)``, always the same share of history, so that no
    time scale has to be chosen. A reservoir of the last rows alone forgets the other phases of
    the users' lives (measured: log loss +472 %).

    Values are kept as float32, memory grows with what is kept: 4 (f + 1) bytes a row.

    References
    ----------
    J. S. Vitter, Random sampling with a reservoir, ACM TOMS 11 (1985).

    """

    def __init__(self, capacity: int, columns: int, recency: float = 1.0) -> None:
        self.capacity = capacity
        self.recency = recency
        self.offered = 0
        self._rows = np.empty((0, columns), dtype=np.float32)
        self._weights = np.empty(0, dtype=np.float32)

    def __len__(self) -> int:
        """Rows kept."""
        return min(self.offered, self.capacity)

    def offer(
        self, row: Floats | NDArray[np.float32], weight: float, rng: np.random.Generator
    ) -> int | None:
        """Keep the row, shape (f,), or not, by chance; its place, None if it is not kept."""
        place = self.offered
        self.offered += 1
        if place >= self.capacity:
            accepted = min(self.recency * self.capacity, self.offered)
            drawn = int(rng.integers(self.offered))
            if drawn >= accepted:
                return None
            place = int(drawn * self.capacity / accepted)
        if place >= len(self._rows):
            self._enlarge()
        self._rows[place] = row
        self._weights[place] = weight
        return place

    def draw(self, chances: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Rows (k, f) and weights (k,) at chances (k,) in [0, 1), repeats possible.

        None when the reservoir is empty.
        """
        places = (chances[: len(chances) * bool(self.offered)] * len(self)).astype(np.intp)
        return self._rows[places], self._weights[places]

    def kept(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """All rows kept (n, f), and their weights (n,)."""
        return self._rows[: len(self)], self._weights[: len(self)]

    def grow(self, columns: int) -> None:
        """Make room for new columns, unknown in the rows that are kept."""
        more = columns - self._rows.shape[1]
        self._rows = np.pad(self._rows, ((0, 0), (0, more)), constant_values=np.nan)

    def _enlarge(self) -> None:
        rows = min(self.capacity, max(_FIRST_ROWS, 2 * len(self._rows)))
        more = rows - len(self._rows)
        self._rows = np.pad(self._rows, ((0, more), (0, 0)))
        self._weights = np.pad(self._weights, (0, more))
