"""Verdicts about sources, carried out at their own place in the merged order.

A verdict holds from its place on, or from the clock that it names, if that is later: until then it
waits in the partition record. A batch is cut where verdicts begin and end, so every record before
one is applied, and every user due before it scored, without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from models.engine.intake import Judged
from models.engine.piece import Piece
from models.engine.records import Merged
from models.engine.state import PartitionState
from models.spec import Spec
from schemas.verdicts import Verdict


def turns(merged: Merged) -> list[int]:
    """Places of the merged order at which verdicts begin, and at which they end."""
    found = [
        place[list(part.batch.verdicts)]
        for part, place in zip(merged.parts, merged.places, strict=True)
        if part is not None and part.batch.verdicts
    ]
    if not found:
        return []
    given = np.concatenate(found)
    listed: list[int] = np.setxor1d(given, given + 1).tolist()
    return listed


def is_verdict(piece: Piece) -> bool:
    """Whether a piece that was cut at the turns holds verdicts."""
    return any(part is not None and part.batch.verdicts for part in piece.parts)


class Given(NamedTuple):
    """A verdict at its place. clock: there. offset, source: where it stands."""

    verdict: Verdict
    clock: int
    source: int
    offset: int


def given(piece: Piece, judged: Mapping[int, Judged]) -> list[Given]:
    """Verdicts in merged order."""
    found = []
    for s, one in judged.items():
        places = piece.places[s][-len(one.chunk) :]
        for i, verdict in one.chunk.batch.verdicts.items():
            if i not in one.verdicts and one.first_seen[i]:
                offset = int(one.chunk.offsets[i])
                found.append((int(places[i]), Given(verdict, int(one.clocks[i]), s, offset)))
    return [verdict for _, verdict in sorted(found, key=lambda one: one[0])]


def take(spec: Spec, state: PartitionState, one: Given) -> None:
    """Carry out a verdict that holds already; keep another."""
    verdict = one.verdict
    if verdict.valid_from is None or verdict.valid_from <= one.clock:
        own = spec.source_index(verdict.source) == one.source
        _carry_out(spec, state, verdict, one.clock, one.offset - 1 if own else None)
    elif verdict not in state.verdicts:
        state.verdicts.append(verdict)


def hold(spec: Spec, state: PartitionState, clock: int) -> None:
    """The clock has come at which verdicts that waited begin to hold."""
    for verdict in state.verdicts:
        if (verdict.valid_from or 0) <= clock:
            _carry_out(spec, state, verdict, clock)


def let_go(state: PartitionState, clock: int) -> None:
    """Verdicts that hold are carried out, and do not wait any more."""
    state.verdicts = [one for one in state.verdicts if (one.valid_from or 0) > clock]


def _carry_out(
    spec: Spec, state: PartitionState, verdict: Verdict, clock: int, through: int | None = None
) -> None:
    """through: newest offset of the source's topic before the verdict; None: of what is applied."""
    source = state.sources[spec.source_index(verdict.source)]
    changed = source.corrupt.rule(verdict, source.progress.last_data, clock)
    if changed and verdict.action == "accept":
        source.quality.relearn()
    for one in source.corrupt.known:
        if one.state == "rejected" and one.through < 0:
            one.through = source.applied if through is None else through
