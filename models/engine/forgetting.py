"""Forgetting users on request: nothing of them stays, and their next event is their first.

A request takes effect at its own place in the merged order. So a batch is cut where requests begin
and end: what stands before them is applied and durable when they are carried out, and a crash in
the middle of that repeats nothing but the erasing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from models.engine.intake import Judged
from models.engine.piece import Piece
from models.engine.records import Merged
from models.engine.requests import Effects
from models.state.slab import Slab


def turns(merged: Merged) -> list[int]:
    """Places of the merged order at which requests begin, and at which they end; in order."""
    found = [
        place[list(part.batch.forgets)]
        for part, place in zip(merged.parts, merged.places, strict=True)
        if part is not None and part.batch.forgets
    ]
    if not found:
        return []
    asked = np.sort(np.concatenate(found))
    begins = np.setdiff1d(asked, asked + 1)
    ends = np.setdiff1d(asked + 1, asked)
    listed: list[int] = np.union1d(begins, ends).tolist()
    return listed


def is_request(piece: Piece) -> bool:
    """Whether a piece that was cut at the turns holds requests."""
    return any(part is not None and part.batch.forgets for part in piece.parts)


def asked_for(judged: Iterable[Judged]) -> list[str]:
    """Users that valid requests name, in order."""
    return sorted(
        {
            user
            for one in judged
            for i, user in one.chunk.batch.forgets.items()
            if i not in one.verdicts and one.first_seen[i]
        }
    )


def erase(slab: Slab, users: Sequence[str], effects: Effects) -> None:
    """Take users out of memory, durable state, index and timers. Repeating it changes nothing."""
    slab.drop(users)
    for user in users:
        effects.users[user] = None
        effects.at_risk[user] = False
        effects.pending[user] = None
        effects.expiry[user] = None
