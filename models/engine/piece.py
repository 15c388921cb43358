"""A run of merged records between two points of time, and the watermarks inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.intake import Judged
from models.engine.records import Chunk, Merged
from models.engine.rounds import Waiting
from models.engine.state import PartitionState
from models.grid import NEVER, Int
from models.spec import Spec


@dataclass(frozen=True, slots=True)
class Piece:
    """Records that are applied together.

    parts, clocks, places: for each source its records, the partition's clock at each, and where
    they stand in the merged order (None where a source has none).
    """

    parts: tuple[Chunk | None, ...]
    clocks: tuple[Int, ...]
    places: tuple[Int, ...]
    clock: int


def cut_out(merged: Merged, clocks: Int, start: int, stop: int) -> Piece:
    """Records ``start <= place < stop`` of the merged order."""
    parts: list[Chunk | None] = []
    places = []
    for part, place in zip(merged.parts, merged.places, strict=True):
        first, last = np.searchsorted(place, [start, stop]).tolist()
        parts.append(part.part(first, last) if part is not None and last > first else None)
        places.append(place[first:last])
    own = tuple(clocks[place] for place in places)
    return Piece(tuple(parts), own, tuple(places), int(clocks[stop - 1]))


def watermarks_at(
    spec: Spec, state: PartitionState, piece: Piece, judged: Mapping[int, Judged], stops: Waiting
) -> Int:
    """Watermarks of all sources where each stop stands, int64[n, sources].

    judged: the piece's records by source, those that were applied before left out in front.
    """
    marks = np.full((len(stops.rows), len(spec.sources)), NEVER)
    for s, source in enumerate(spec.sources):
        progress = state.sources[s].progress
        reached = np.full(len(stops.rows), max(progress.data, progress.heartbeat))
        if s in judged:
            course = judged[s].course
            places = piece.places[s][-len(course.data) :]
            index = np.searchsorted(places, stops.places, side="right") - 1
            seen = np.maximum(course.data, course.heartbeat)
            reached = np.where(index >= 0, seen[index], reached)
        if source.completeness == "clock":
            reached = np.maximum(reached, stops.clocks - source.max_delay)
        marks[:, s] = reached
    return marks


def heard_at(
    before: Sequence[int], piece: Piece, judged: Mapping[int, Judged], stops: Waiting
) -> Int:
    """The partition's clock at each source's newest usable event before each stop, and at it.

    int64[n, sources], NEVER = none; see :func:`watermarks_at`. before: that before the piece.
    """
    heard = np.empty((len(stops.rows), len(before)), dtype=np.int64)
    for s, own in enumerate(before):
        heard[:, s] = own
        if s in judged:
            seen = np.where(judged[s].usable, judged[s].clocks, own)
            places = piece.places[s][-len(seen) :]
            index = np.searchsorted(places, stops.places, side="right") - 1
            reached = np.maximum.accumulate(seen)[index]
            heard[:, s] = np.where(index >= 0, reached, heard[:, s])
    return heard
