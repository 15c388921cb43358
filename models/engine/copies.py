"""Records of a rekeyed topic: which are repeated copies, and what heartbeats mean there.

Whoever copies a topic may have to copy again what was copied since the last commit, and one that
was thought dead may come back and go on for a moment. Both only ever append, for each (original
partition, internal partition), gaplessly in the original's order from a place that was reached
before. So when a copy stands in the log, every earlier one of the same original partition stands
before it, and what is not newer than the newest seen is a repeat: dropped here, exactly
(docs/decisions/010-rekeying.md has the proof).

A heartbeat speaks for its own original partition. The records of an internal partition come from
all of them, so the source is at the OLDEST of the newest heartbeats of every original partition,
and nowhere until each has sent one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.grid import NEVER, Bool, Int
from schemas.rekeying import Origins


@dataclass(slots=True)
class Lanes:
    """What is known of each original partition; lists by its number, as far as seen.

    offsets: newest original offset, -1 = none. beats: newest heartbeat, NEVER = none.
    repeats: copies that were dropped.
    """

    offsets: list[int] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    repeats: int = 0

    def grown(self, partitions: int) -> Lanes:
        """A copy with room for so many original partitions."""
        more = max(0, partitions - len(self.offsets))
        return Lanes([*self.offsets, *[-1] * more], [*self.beats, *[NEVER] * more], self.repeats)


@dataclass(frozen=True, slots=True)
class Copies:
    """Which of n records are repeats (bool[n]), and the lanes behind the last of them."""

    repeated: Bool
    lanes: Lanes


def look(lanes: Lanes, origins: Origins) -> Copies:
    """Find repeats among records in the internal topic's order. ``lanes`` is left as it is."""
    present = np.unique(origins.partitions)
    after = lanes.grown(int(present.max(initial=-1)) + 1)
    repeated = np.zeros(len(origins.offsets), dtype=np.bool_)
    for lane in present[present >= 0].tolist():
        index = np.flatnonzero(origins.partitions == lane)
        reached = np.maximum.accumulate(np.append(after.offsets[lane], origins.offsets[index]))
        repeated[index] = origins.offsets[index] <= reached[:-1]
        after.offsets[lane] = int(reached[-1])
    after.repeats += int(repeated.sum())
    return Copies(repeated, after)


def hear(lanes: Lanes, origins: Origins, times: Int, beats: Bool) -> Int:
    """Event times with, at heartbeats, the time that the whole source has reached (or NEVER).

    lanes: of :func:`look`; the heartbeats are noted in it. beats: bool[n], heartbeats that
    count. A heartbeat that is no copy speaks for itself.
    """
    reached = times.copy()
    for i in np.flatnonzero(beats & (origins.partitions >= 0)).tolist():
        lane, of = int(origins.partitions[i]), int(origins.of[i])
        lanes.beats[lane] = max(lanes.beats[lane], int(times[i]))
        known = lanes.beats[:of] if of <= len(lanes.beats) else [NEVER]
        reached[i] = min(known, default=NEVER)
    return reached
