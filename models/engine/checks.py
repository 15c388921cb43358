"""The checks of the sources: what is gathered between two of them, and what is found out at one.

References (what is usual for a source) change only here, at points of the partition's clock, so a
score depends on no batch boundary.
"""

from __future__ import annotations

import numpy as np

from models.engine.intake import Judged
from models.engine.state import PartitionState, SourceState
from models.grid import NEVER, Int
from models.spec import SourceSpec, Spec
from models.staleness.cadence import TICKS
from models.staleness.evidence import Run, Standing
from models.staleness.health import Codes, health_of, load_at
from models.staleness.quality.gate import Gate
from models.state.slab import Slab
from schemas.hashing import hash_text
from schemas.reasons import Reject


class Checks:
    """What is learned about the sources of a partition."""

    def __init__(self, spec: Spec, partition: int, state: PartitionState, slab: Slab) -> None:
        self._spec, self._state, self._slab = spec, state, slab
        self._listed = [_listed(source) for source in spec.sources]
        self._gates = [
            Gate(spec, source, partition, known.quality, known.corrupt)
            for source, known in zip(spec.sources, state.sources, strict=True)
        ]

    def gather(self, s: int, judged: Judged) -> None:
        """Take in judged records of a source; they lie between two checks."""
        every = self._spec.health.every
        self._state.sources[s].evidence.gather(self._last, every, self._run(s, judged))
        chunk, reached = judged.chunk, judged.course.last_data
        gate = self._gates[s]
        users = np.zeros(len(chunk), dtype=np.uint64)
        users[judged.usable] = self._slab.hashes[judged.rows[judged.usable]]
        gate.gather(chunk.batch, users, chunk.arrivals, judged.usable, reached, judged.verdicts)

    def check(self, time: int) -> None:
        """A check has come: learn from what was gathered since the one before."""
        for gate, known in zip(self._gates, self._state.sources, strict=True):
            gate.check(time, known.progress.watermark(gate.source, time))
        health = self._spec.health
        for source, state in zip(self._spec.sources, self._state.sources, strict=True):
            standing = _standing(source, state, time)
            state.evidence.check(time, health.every, health.learn_for, standing)

    def health(self, at: Int, watermarks: Int, heard: Int) -> Codes:
        """Health of each source at moments since the last check, uint8[n, sources].

        watermarks, heard: int64[n, sources], as they were then.
        """
        sources = self._state.sources
        return health_of(self._spec, sources, self._last, at, watermarks, heard)

    def health_now(self, at: int, watermarks: list[int]) -> list[int]:
        """Health of each source behind all that has been applied."""
        heard = [source.evidence.heard for source in self._state.sources]
        rows = [np.array([row], dtype=np.int64) for row in (watermarks, heard)]
        codes: list[int] = self.health(np.array([at]), *rows)[0].tolist()
        return codes

    def load_now(self, s: int, at: int) -> float:
        """Pulses of a source that would have been usual since its newest event."""
        evidence = self._state.sources[s].evidence
        heard = np.array([evidence.heard], dtype=np.int64)
        return float(load_at(self._spec, evidence, self._last, np.array([at]), heard)[0])

    @property
    def tick_s(self) -> float:
        """Length of a tick, seconds."""
        return self._spec.health.every / TICKS / 1e6

    @property
    def _last(self) -> int:
        """The last check, or where it would have been."""
        following = self._state.next_check
        return NEVER if following is None else following - self._spec.health.every

    def _run(self, s: int, judged: Judged) -> Run:
        chunk, index = judged.chunk, np.flatnonzero(judged.usable)
        arrived = judged.usable.copy()  # late ones say as much about delays
        arrived[[i for i, (why, _) in judged.verdicts.items() if why is Reject.LATE]] = True
        delays = np.maximum(chunk.arrivals[arrived] - chunk.batch.times[arrived], 0) / 1e6
        kinds = np.full(len(index), -1)
        if (segments := self._spec.sources[s].segments) is not None:
            column = chunk.batch.fields[segments[0]][index]
            for k, value in enumerate(self._listed[s]):
                kinds[column == np.uint64(value)] = k
        slices = self._slab.slices[judged.rows[index]]
        return Run(judged.clocks[index], delays, slices, kinds, len(self._listed[s]))


def _listed(source: SourceSpec) -> list[int]:
    return [] if source.segments is None else [hash_text(value) for value in source.segments[1]]


def _standing(source: SourceSpec, state: SourceState, time: int) -> Standing:
    progress = state.progress
    return Standing(progress.watermark(source, time), progress.last_data, source.stale_after)
