"""Examples as arrays: what every contender gets, and nothing else."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.grid import Bool, Float, Int
from models.learning.cuts import is_example, kept_with
from models.spec import Spec
from schemas.examples import Example
from schemas.ids import keyed_hash

ARRAYS = ("time", "epoch", "user", "scored", "complete", "label", "weight", "sampled")


@dataclass(frozen=True, slots=True)
class Rows:
    """All cuts of a data set, in the order in which production learns: time, then user.

    time: of the cut, int64[n] µs. epoch: end of the epoch in which the label is learned, int64[n]
    µs; what is learned there is in force from ``epoch + activation_delay`` on. user: int64[n],
    place in ``users``, which are sorted by their keyed hash. scored: float64[n, f] as scored at
    the cut, NaN = not known. complete: the same as known at maturity, which is what is learned.
    label: float64[n], 0 or 1. sampled: bool[n], whether production makes an example of the cut
    (``example_every``, ``negatives``); weight: float64[n], with which. names: of the features.
    """

    time: Int
    epoch: Int
    user: Int
    scored: Float
    complete: Float
    label: Float
    weight: Float
    sampled: Bool
    users: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, which: Any) -> Rows:
        """Only these rows: a mask, or places."""
        arrays = {name: getattr(self, name)[which] for name in ARRAYS}
        return replace(self, **arrays)

    def save(self, path: Path) -> None:
        """Write as .npz."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in ARRAYS}
        arrays |= {"users": np.array(self.users), "names": np.array(self.names)}
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **arrays)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read what :meth:`save` wrote."""
        with np.load(path) as found:
            arrays = {name: found[name] for name in ARRAYS}
            users, names = (tuple(found[name].tolist()) for name in ("users", "names"))
            return cls(**arrays, users=users, names=names)


class Gatherer:
    """Takes examples one by one, gives :class:`Rows`.

    Parameters
    ----------
    spec
        The deployment as it would run; it decides which rows are ``sampled``, and their weights.

    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._names = tuple(feature.name for feature in spec.features)
        self._users: dict[str, int] = {}
        self._rows: list[tuple[int, int, int, int, float, bool]] = []
        self._scored, self._complete = array("d"), array("d")

    def keep(self, example: Example) -> None:
        """Take an example."""
        user = self._users.setdefault(example.user, len(self._users))
        weight = kept_with(self._spec, example.user, example.time, example.label)
        sampled = weight is not None and is_example(self._spec, example.user, example.time)
        self._rows.append(
            (example.time, example.epoch, user, example.label, weight or 1.0, sampled)
        )
        nan = float("nan")
        self._scored.extend([example.vector.get(name, nan) for name in self._names])
        self._complete.extend([example.complete.get(name, nan) for name in self._names])

    def rows(self) -> Rows:
        """Everything taken so far, in order."""
        key = self._spec.learning.sample_key
        users = sorted(self._users, key=lambda user: keyed_hash(key, user))
        place = np.empty(len(users), dtype=np.int64)
        place[[self._users[user] for user in users]] = np.arange(len(users))
        time, epoch, user, label, weight, sampled = zip(*self._rows, strict=True)
        shape = (len(time), len(self._names))
        rows = Rows(
            time=np.array(time, dtype=np.int64),
            epoch=np.array(epoch, dtype=np.int64),
            user=place[np.array(user, dtype=np.int64)],
            scored=np.array(self._scored).reshape(shape),
            complete=np.array(self._complete).reshape(shape),
            label=np.array(label, dtype=float),
            weight=np.array(weight, dtype=float),
            sampled=np.array(sampled, dtype=np.bool_),
            users=tuple(users),
            names=self._names,
        )
        return rows.take(np.lexsort((rows.user, rows.time)))
