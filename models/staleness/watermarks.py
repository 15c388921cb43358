"""The two clocks of a source: how complete it is (progress), whether it is alive (last data).

The progress watermark W says that events older than W are not expected any more. It has three
parts: from the data (newest event time - out-of-orderness; an event AT that time may still
come), from heartbeats, and from the clock (clock - max_delay, for sources whose silence means
that nothing happened). The last two include their own moment, the first does not; that matters
for ties, so ``through`` keeps the difference: everything at or before it is there.

None of the three ever goes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.grid import NEVER, Bool, Int
from models.spec import SourceSpec


@dataclass(slots=True)
class Progress:
    """Clocks of one source in one partition (microseconds; NEVER before the first record).

    data: newest event time of its events - out-of-orderness. heartbeat: newest heartbeat.
    last_data: newest event time really seen.
    """

    data: int = NEVER
    heartbeat: int = NEVER
    last_data: int = NEVER

    def watermark(self, source: SourceSpec, clock: int) -> int:
        """Events older than this are not expected any more."""
        return max(self.data, self.heartbeat, _by_clock(source, clock))

    def through(self, source: SourceSpec, clock: int) -> int:
        """Every event at or before this is here, as far as the source keeps its promise."""
        data = self.data - 1 if self.data != NEVER else NEVER
        return max(data, self.heartbeat, _by_clock(source, clock))


def _by_clock(source: SourceSpec, clock: int) -> int:
    if source.completeness != "clock" or clock == NEVER:
        return NEVER
    return clock - source.max_delay


@dataclass(frozen=True, slots=True)
class Course:
    """How the clocks moved along a run of records of one source; all int64[n].

    before: the watermark each record met. data, heartbeat, last_data: the parts after it.
    """

    before: Int
    data: Int
    heartbeat: Int
    last_data: Int

    def behind(self, start: Progress, passed: Int) -> list[Progress]:
        """The clocks behind so many records each, int64[k]. start: before the first one."""
        pairs = [(start.data, self.data), (start.heartbeat, self.heartbeat)]
        pairs.append((start.last_data, self.last_data))
        columns = (np.append(first, rest)[passed].tolist() for first, rest in pairs)
        return [Progress(*row) for row in zip(*columns, strict=True)]


def follow(
    source: SourceSpec, start: Progress, times: Int, clocks: Int, events: Bool, beats: Bool
) -> Course:
    """Move the clocks along records in order.

    times: event times. clocks: the partition's clock at each record. events: records that are
    usable events; beats: heartbeats. Others move nothing. ``start`` is left as it is.
    """
    seen = np.where(events, times, NEVER)
    newest = np.maximum.accumulate(np.append(start.last_data, seen))
    shifted = np.where(events, times - source.out_of_orderness, NEVER)
    data = np.maximum.accumulate(np.append(start.data, shifted))
    heard = beats if source.completeness == "heartbeat" else np.zeros_like(beats)
    beat = np.maximum.accumulate(np.append(start.heartbeat, np.where(heard, times, NEVER)))
    before = np.maximum(data[:-1], beat[:-1])
    if source.completeness == "clock":
        before = np.maximum(before, clocks - source.max_delay)
    return Course(before, data[1:], beat[1:], newest[1:])
