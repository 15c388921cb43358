"""Collecting examples until every partition has closed an epoch. Pure bookkeeping, no I/O."""

from __future__ import annotations

from collections import defaultdict

from schemas.examples import EpochEnd, Example


class Epochs:
    """Examples by epoch, and how far each partition has come.

    A partition's marker for E says that it has released every example of epochs <= E. An epoch is
    complete when all partitions have said so. closed: end of the newest epoch already learned.
    """

    def __init__(self, every: int, closed: int | None = None) -> None:
        self._every = every
        self._closed = closed
        self._first: int | None = None
        self._markers: dict[int, int] = {}
        self._partitions = 0
        self._examples: dict[int, list[tuple[int, Example]]] = defaultdict(list)
        self._marker_offsets: list[tuple[int, int]] = []
        self._next_offset = 0

    def add(self, offset: int, record: Example | EpochEnd) -> None:
        """Take in a record of the examples topic. Repeats of learned epochs are left out."""
        self._next_offset = offset + 1
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
        if self._first is None or len(self._markers) < max(self._partitions, 1):
            return None
        following = self._first if self._closed is None else self._closed + self._every
        return following if following <= min(self._markers.values()) else None

    def take(self, epoch: int) -> tuple[list[Example], int]:
        """Close an epoch: its examples, and the offset from which all later ones can be read."""
        examples = [example for _, example in self._examples.pop(epoch, [])]
        self._closed = epoch
        self._marker_offsets = [(e, o) for e, o in self._marker_offsets if e > epoch]
        later = [offset for _, offset in self._marker_offsets]
        later += [offset for waiting in self._examples.values() for offset, _ in waiting]
        return examples, min(later, default=self._next_offset)

    def waiting_for(self) -> list[int]:
        """Partitions that hold the next epoch back."""
        behind = min(self._markers.values(), default=None)
        missing = [p for p in range(self._partitions) if p not in self._markers]
        return missing or [p for p, epoch in self._markers.items() if epoch == behind]
