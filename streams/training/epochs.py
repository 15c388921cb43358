"""Collecting examples until every partition has closed an epoch. Pure bookkeeping, no I/O."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from schemas.examples import EpochEnd, Example, ModelRequest


class Closed(NamedTuple):
    """An epoch's examples and requests, and the offset from which all later ones can be read."""

    examples: list[Example]
    requests: list[tuple[int, ModelRequest]]
    position: int


class Epochs:
    """Examples by epoch, and how far each partition has come.

    A partition's marker for E says that it has released every example of epochs <= E. An epoch is
    complete when all partitions have said so. A request belongs to the first epoch that is not
    complete where it stands: its offset alone decides, not when it is read.

    closed: end of the newest epoch already learned. requests_done: offset of the newest request
    that was looked at, -1: none.
    """

    def __init__(self, every: int, closed: int | None = None, requests_done: int = -1) -> None:
        self._every = every
        self._closed = closed
        self._requests_done = requests_done
        self._first: int | None = None
        self._markers: dict[int, int] = {}
        self._partitions = 0
        self._examples: dict[int, list[tuple[int, Example]]] = defaultdict(list)
        self._requests: list[tuple[int | None, int, ModelRequest]] = []
        self._marker_offsets: list[tuple[int, int]] = []
        self._next_offset = 0

    def add(self, offset: int, record: Example | EpochEnd | ModelRequest) -> None:
        """Take in a record of the examples topic. Repeats of learned epochs are left out."""
        self._next_offset = offset + 1
        if isinstance(record, ModelRequest):
            if offset > self._requests_done:
                self._requests.append((self._complete_through(), offset, record))
            return
        if self._closed is not None and record.epoch <= self._closed:
            return
        self._first = min(self._first or record.epoch, record.epoch)
        if isinstance(record, Example):
            self._examples[record.epoch].append((offset, record))
            return
        self._partitions = record.partitions
        newest = self._markers.get(record.partition, record.epoch)
        self._markers[record.partition] = max(newest, record.epoch)
        self._marker_offsets.append((record.epoch, offset))

    def complete(self) -> int | None:
        """End of the oldest epoch that is complete and not learned yet; None while waiting."""
        following = self.following()
        if following is None or not self._all_heard():
            return None
        return following if following <= min(self._markers.values()) else None

    def following(self) -> int | None:
        """End of the oldest epoch that is not learned yet; None: nothing was ever read."""
        return self._first if self._closed is None else self._closed + self._every

    def take(self, epoch: int) -> Closed:
        """Close an epoch."""
        examples = [example for _, example in self._examples.pop(epoch, [])]
        self._closed = epoch
        self._marker_offsets = [(e, o) for e, o in self._marker_offsets if e > epoch]
        now = [(o, r) for after, o, r in self._requests if after is None or after < epoch]
        self._requests = [waiting for waiting in self._requests if waiting[1:] not in now]
        later = [offset for _, offset in self._marker_offsets]
        later += [offset for waiting in self._examples.values() for offset, _ in waiting]
        later += [offset for _, offset, _ in self._requests]
        return Closed(examples, now, min(later, default=self._next_offset))

    def waiting_for(self) -> list[int]:
        """Partitions that hold the next epoch back."""
        behind = min(self._markers.values(), default=None)
        missing = [p for p in range(self._partitions) if p not in self._markers]
        return missing or [p for p, epoch in self._markers.items() if epoch == behind]

    def _all_heard(self) -> bool:
        return len(self._markers) >= max(self._partitions, 1)

    def _complete_through(self) -> int | None:
        """End of the newest epoch that was complete before what is read now; None: none was."""
        if not self._all_heard():
            return self._closed
        reached = min(self._markers.values())
        return reached if self._closed is None else max(reached, self._closed)
