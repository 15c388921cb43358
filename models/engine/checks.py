"""The checks of the sources: what is gathered between two of them, and what is found out at one.

References (what is usual for a source) change only here, at points of the partition's clock, so a
score depends on no batch boundary. A piece of a batch may reach over many checks: they depend on
the records alone, not on users, so they are crossed first, and what held in each stretch between
two of them is kept for those who are looked at there (:class:`Frames`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.corrupt import excluded_of
from models.engine.intake import Judged
from models.engine.piece import Piece
from models.engine.rounds import Waiting
from models.engine.state import PartitionState
from models.engine.why import Said, Why, at_check
from models.features.remaining import Stretches
from models.grid import NEVER, Int
from models.spec import SourceSpec, Spec
from models.staleness.cadence import TICKS
from models.staleness.evidence import Standing
from models.staleness.gathered import Gathered, Run, gathered
from models.staleness.health import Codes, Frozen, Stretch, freeze, health_of, load_at
from models.staleness.quality import gathered as quality
from models.staleness.quality.gate import Gate
from models.staleness.quality.tally import Records
from models.staleness.segments import SLICES
from models.state.slab import Slab
from schemas.hashing import hash_text
from schemas.reasons import Reject

Came = tuple[dict[int, Gathered], dict[int, quality.Gathered]]
"""What came of a source in the stretches of a piece: for its evidence, and for its gate."""

Excluded = tuple[Stretches, ...]
"""For each source the intervals that windows leave out; () where there are none at all."""


@dataclass(frozen=True, slots=True)
class Frames:
    """What held in each stretch of a piece: before its first check, between two, behind the last.

    times: int64[checks]. heard: for each source the clock at its newest usable event before the
    piece. frozen: the sources, one stretch after the other. excluded: by stretch. why: sources are
    not fresh.
    """

    times: Int
    heard: list[int]
    frozen: Frozen
    excluded: list[Excluded]
    why: Why

    def stretch(self, clocks: Int) -> Int:
        """Which stretch each clock lies in, int64[n]; a check comes after records of its time."""
        return np.searchsorted(self.times, clocks, side="left")

    def alike(self, stops: Waiting) -> Iterator[tuple[Excluded, Waiting]]:
        """Stops for which windows leave out the same, and what that is."""
        if len(stops.rows) == 0:
            return
        first = self.excluded[0]
        if all(one == first for one in self.excluded):
            yield first, stops
            return
        stretch = self.stretch(stops.clocks)
        for number in np.unique(stretch).tolist():
            yield self.excluded[number], stops.part(stretch == number)

    def known(self, clocks: Int, watermarks: Int) -> Int:
        """Watermarks, int64[n, sources], that end where a source's data was wrong then."""
        return np.minimum(watermarks, self.frozen.good_through[self.stretch(clocks)])


class Checks:
    """What is learned about the sources of a partition."""

    def __init__(self, spec: Spec, partition: int, state: PartitionState, slab: Slab) -> None:
        self._spec, self._state, self._slab = spec, state, slab
        self._listed = [_listed(source) for source in spec.sources]
        for source, known in zip(spec.sources, state.sources, strict=True):
            known.evidence.segments = known.evidence.segments.of_kinds(_kinds(source))
        self._gates = [
            Gate(spec, source, partition, known.quality, known.corrupt)
            for source, known in zip(spec.sources, state.sources, strict=True)
        ]

    def follow(self, piece: Piece, judged: Mapping[int, Judged]) -> Frames:
        """Take judged records in, crossing the checks that lie between them."""
        begun, every = self._state.next_check, self._spec.health.every
        assert begun is not None
        times = np.arange(begun, max(begun, piece.clock), every)
        heard = [source.evidence.heard for source in self._state.sources]
        kept, excluded, said = [self._frozen()], [excluded_of(self._state)], [self._said()]
        standings = [self._standings(s, times, judged.get(s)) for s in range(len(heard))]
        came = {s: self._gathered(s, one, times, standings[s]) for s, one in judged.items()}
        for number, time in enumerate(times.tolist()):
            self._take(came, number)
            self._check(time, [own[number] for own in standings])
            if number == len(times) - 1 or self._spec.scoring.on_event is not None:
                self._say(time, [own[number] for own in standings])
            said.append(self._said())
            self._state.next_check = time + every
            kept.append(self._frozen())
            excluded.append(excluded_of(self._state))
        self._take(came, len(times))
        return Frames(times, heard, Frozen.of(kept), excluded, Why(times, said))

    def check(self, time: int) -> None:
        """A check has come, behind all that has been applied."""
        now, sources = np.array([time]), range(len(self._gates))
        standings = [self._standings(s, now, None)[0] for s in sources]
        self._check(time, standings)
        self._say(time, standings)

    def why_now(self) -> Why:
        """What is to be said of sources that are not fresh, since the last check."""
        return Why(np.empty(0, dtype=np.int64), [self._said()])

    def marks(self, time: int) -> list[int]:
        """Watermark of each source, as far as its data is right."""
        return [
            min(state.progress.watermark(source, time), state.corrupt.good_through)
            for source, state in zip(self._spec.sources, self._state.sources, strict=True)
        ]

    def health(self, frames: Frames, at: Int, watermarks: Int, heard: Int) -> Codes:
        """Health of each source at moments of a piece, uint8[n, sources].

        watermarks, heard: int64[n, sources], as they were then.
        """
        stretch = frames.stretch(at)
        return health_of(self._spec, frames.frozen, at, watermarks, heard, stretch)

    def health_now(self, at: int, watermarks: list[int]) -> list[int]:
        """Health of each source behind all that has been applied."""
        heard = [source.evidence.heard for source in self._state.sources]
        rows = [np.array([row], dtype=np.int64) for row in (watermarks, heard)]
        now = Frozen.of([self._frozen()])
        codes: list[int] = health_of(self._spec, now, np.array([at]), *rows)[0].tolist()
        return codes

    def load_now(self, s: int, at: int) -> float:
        """Pulses of a source that would have been usual since its newest event."""
        heard = np.array([self._state.sources[s].evidence.heard], dtype=np.int64)
        now, first = Frozen.of([self._frozen()]), np.zeros(1, dtype=np.int64)
        return float(load_at(self._spec, now, s, first, np.array([at]), heard)[0])

    @property
    def tick_s(self) -> float:
        """Length of a tick, seconds."""
        return self._spec.health.every / TICKS / 1e6

    @property
    def _last(self) -> int:
        """The last check, or where it would have been."""
        following = self._state.next_check
        return NEVER if following is None else following - self._spec.health.every

    def _frozen(self) -> Stretch:
        return freeze(self._spec, self._state.sources, self._last)

    def _standings(self, s: int, times: Int, judged: Judged | None) -> list[Standing]:
        """Where a source stands at each check."""
        source, now = self._spec.sources[s], self._state.sources[s].progress
        progress = [now] * len(times)
        if judged is not None:
            passed = np.searchsorted(judged.clocks, times, side="right")
            progress = judged.course.behind(now, passed)
        return [
            Standing(own.watermark(source, time), own.last_data, source.stale_after)
            for own, time in zip(progress, times.tolist(), strict=True)
        ]

    def _take(self, came: Mapping[int, Came], stretch: int) -> None:
        """Take in what came in a stretch of a piece."""
        for s, (evidence, records) in came.items():
            if stretch in evidence:
                self._state.sources[s].evidence.take(evidence[stretch])
            if stretch in records:
                self._gates[s].take(records[stretch])

    def _gathered(self, s: int, judged: Judged, times: Int, standings: list[Standing]) -> Came:
        """What came of a source in each stretch of a piece."""
        chunk, stretch = judged.chunk, np.searchsorted(times, judged.clocks, side="left")
        evidence = gathered(self._last, self._spec.health.every, self._run(s, judged))
        users = np.zeros(len(chunk), dtype=np.uint64)
        users[judged.usable] = self._slab.hashes[judged.rows[judged.usable]]
        reached, rejected = judged.course.last_data, judged.verdicts
        records = Records(
            chunk.batch, users, chunk.arrivals, judged.usable, reached, rejected, stretch
        )
        marks = np.array([one.watermark for one in standings], dtype=np.int64)
        return evidence, self._gates[s].gathered(records, marks)

    def _check(self, time: int, standings: Sequence[Standing]) -> None:
        """Learn from what was gathered since the check before."""
        for gate, standing in zip(self._gates, standings, strict=True):
            gate.check(time, standing.watermark)
        health = self._spec.health
        for state, standing in zip(self._state.sources, standings, strict=True):
            state.evidence.check(time, health.every, health.learn_for, standing)

    def _say(self, time: int, standings: Sequence[Standing]) -> None:
        """Behind a check: put into words what it has found."""
        found = at_check(self._spec, self._state.sources, standings, time)
        for state, one in zip(self._state.sources, found, strict=True):
            state.health, state.why = one

    def _said(self) -> list[Said]:
        return [Said(state.health, state.why) for state in self._state.sources]

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
        slices = (self._slab.hashes[judged.rows[index]] % np.uint64(SLICES)).astype(np.int64)
        return Run(
            clocks=judged.clocks[index],
            slices=slices,
            kinds=kinds,
            listed=len(self._listed[s]),
            arrived=judged.clocks[arrived],
            delays=delays,
        )


def _kinds(source: SourceSpec) -> list[str]:
    field, values = source.segments or ("", ())
    return [f"{field} = {value}" for value in values]


def _listed(source: SourceSpec) -> list[int]:
    return [] if source.segments is None else [hash_text(value) for value in source.segments[1]]
