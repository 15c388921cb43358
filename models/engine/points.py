"""Points of time at which something happens in a partition: checks, ends of epochs, cuts …

A point T is crossed after every record with arrival <= T and before any later one. At the same
time the sources are checked first, then an epoch ends, then a cut is scored, then scores are
renewed. Between two checks everything learned about the sources is frozen, so that no look depends
on where a batch ended.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from models.engine.state import PartitionState
from models.grid import first_point
from models.spec import Spec

ACTIVATION: Final = 0
CHECK: Final = 1
EPOCH: Final = 2
CUT: Final = 3
RULING: Final = 4
RENEWAL: Final = 5


class Point(NamedTuple):
    """A time and what happens there; smaller comes first."""

    time: int
    kind: int


class Points:
    """The next points of a partition. The cursors live in the partition record."""

    def __init__(self, spec: Spec, state: PartitionState) -> None:
        self._spec = spec
        self._state = state

    def start(self, clock: int) -> None:
        """Set the cursors by the first clock of a new partition."""
        if self._state.next_cut is None:
            cuts = self._spec.cuts
            self._state.next_cut = first_point(clock, cuts.every, cuts.anchor)
            self._state.next_epoch = first_point(clock, self._spec.learning.every)
            self._state.first_epoch = self._state.next_epoch
            self._state.clock = max(self._state.clock, clock)
        if self._state.next_check is None:
            self._state.next_check = first_point(clock, self._spec.health.every)

    def next(self) -> Point:
        """The earliest point ahead."""
        assert self._state.next_check is not None
        return min(Point(self._state.next_check, CHECK), self.next_stop())

    def next_stop(self) -> Point:
        """The earliest point ahead that a piece must not reach over."""
        found = [Point((one.valid_from or 0) - 1, RULING) for one in self._state.verdicts]
        if self._state.renewal.pending and self._state.next_check is not None:
            found.append(Point(self._state.next_check, CHECK))
        return min([self.next_deed(), *found])

    def next_deed(self) -> Point:
        """The earliest point ahead at which there is something to do for users."""
        found = [self.next_regular()]
        if self._state.renewal.at is not None:
            found.append(Point(self._state.renewal.at, RENEWAL))
        if self._spec.scoring.on_event is not None:
            found.append(Point(self._next_activation(), ACTIVATION))
        return min(found)

    def next_regular(self) -> Point:
        """The earliest end of an epoch, or cut, ahead."""
        assert self._state.next_cut is not None
        assert self._state.next_epoch is not None
        return min(Point(self._state.next_epoch, EPOCH), Point(self._state.next_cut, CUT))

    def _next_activation(self) -> int:
        """Just before the next time a snapshot may come into force (only the model changes)."""
        learning = self._spec.learning
        after = self._state.clock + 2 - learning.activation_delay
        return first_point(after, learning.every) + learning.activation_delay - 1

    def epoch_in_force(self, time: int) -> int | None:
        """End of the newest epoch whose snapshot is valid at ``time``; None before the first.

        Epochs from before this partition's first record were closed without it, if at all.
        """
        learning = self._spec.learning
        end = (time - learning.activation_delay) // learning.every * learning.every
        first = self._state.first_epoch
        return end if first is not None and end >= first else None

    def passed(self, point: Point) -> None:
        """Move the cursor behind a point."""
        if point.kind == CHECK:
            self._state.next_check = point.time + self._spec.health.every
        elif point.kind == EPOCH:
            self._state.next_epoch = point.time + self._spec.learning.every
        elif point.kind == CUT:
            self._state.next_cut = point.time + self._spec.cuts.every

    def missed(self, cut: int, now: int) -> bool:
        """Whether a live worker comes too late for a cut (more than ``max_catch_up`` behind)."""
        if self._spec.clock != "live":
            return False
        return (now - cut) // self._spec.cuts.every >= self._spec.scoring.max_catch_up

    def overdue(self, check: int, now: int) -> bool:
        """Whether a live worker comes to a check when the next one is behind it, too."""
        return self._spec.clock == "live" and now - check >= self._spec.health.every
