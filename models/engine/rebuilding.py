"""What was rejected is taken out of the state again: as if it had never come.

State is a function of the topics, so the users concerned are computed again from them, without the
rejected events (models.engine.past), and take the place of what they were. Their waiting cuts stay:
what was said was said. Only who would not be there at all goes with them: at none of them was that
user at risk, so a label would be of nobody. It happens at the place of the verdict, before anything
behind it. A crash in the middle repeats all of it from the same records, with the same result: the
verdict counts as applied only when all users are durable.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from typing import Any

from models.engine import forgetting
from models.engine.desk import Desk
from models.engine.past import Past, TopicBeginsLaterError, judged_otherwise
from models.engine.requests import Request, Run
from models.engine.unit import NOBODY
from models.grid import Int
from models.state.codec import encode
from models.state.decoding import decode
from models.state.slab import Slab

GROUP = 20_000
"""Users computed again at once: bounds the memory. Each group reads the topics once."""


def repair(desk: Desk, entering: Collection[int]) -> Run:
    """Take out everything that was rejected and is still in. entering: see ``fold``.

    Where a topic does not reach back to its beginning it stays rejected: windows leave it out.
    """
    for s, source in enumerate(desk.state.sources):
        rejected = [one for one in source.corrupt.known if one.state == "rejected"]
        if rejected:
            try:
                yield from _without(desk, s, entering)
            except TopicBeginsLaterError:
                continue
            for one in rejected:
                one.state = "repaired"


def _without(desk: Desk, s: int, entering: Collection[int]) -> Run:
    yield from desk.commit()
    users = yield from _concerned(desk, s)
    for start in range(0, max(len(users), 1), GROUP):
        group = users[start : start + GROUP]
        past = Past(desk, group, entering)
        yield from past.live()
        yield from _replace(desk, group, past.slab)
        desk.unit.change(NOBODY)
        desk.state.sources[s].progress = past.state.sources[s].progress
    yield from desk.settle(NOBODY)


def _concerned(desk: Desk, s: int) -> Generator[Request, Any, list[str]]:
    """Users to compute again; of those that belong elsewhere there never was any state."""
    users = yield from judged_otherwise(desk, s)
    return [user for user in users if not desk.is_stranger(user)]


def _replace(desk: Desk, users: Sequence[str], past: Slab) -> Run:
    """Users as they would be in the place of what they are."""
    yield from desk.ensure(users)
    slab = desk.slab
    gone = [user for user in users if user not in past.rows]
    forgetting.erase(slab, gone, desk.unit.effects)
    stay = [user for user in users if user in past.rows]
    before, rows = slab.row_of(stay), past.row_of(stay)
    _keep_what_was_said(slab, before, past, rows)
    values = encode(past, rows)
    slab.drop(stay)
    after = slab.make(stay)
    decode(slab, stay, after, values)
    desk.index(after)
    yield from desk.settle(after)


def _keep_what_was_said(slab: Slab, before: Int, past: Slab, rows: Int) -> None:
    past.last_cut[rows] = slab.last_cut[before]
    past.last_score[rows] = slab.last_score[before]
    past.indexed[rows] = slab.indexed[before]
    past.renewable.copy(slab.renewable, before, rows)
    for old, new in zip(before.tolist(), rows.tolist(), strict=True):
        past.pending.put(new, slab.pending[old])
