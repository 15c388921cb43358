"""Scores that may be renewed: kept for those who have one, read back as written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.plan import make_plan
from models.spec import Spec
from models.state.codec import encode
from models.state.decoding import decode
from models.state.layout import RENEWABLE, StateError
from models.state.renewable import Note, Renewable
from models.state.slab import Slab
from tests.models.engine.harness import Worker
from tests.models.engine.story import SPEC, beat, event, topics

SPECIFIED = replace(SPEC, scoring=replace(SPEC.scoring, renew=True))
ITEMS = [*(event("usage", t, u, t - 1) for t, u in ((1, "a"), (2, "b"))), beat("billing", 90)]
"""Usage is away from the second cut on."""

notes = st.tuples(
    st.integers(0, 5),
    st.none()
    | st.tuples(
        st.integers(-(2**62) + 1, 2**62),
        st.integers(0, 2**128 - 1),
        st.lists(st.booleans(), min_size=3, max_size=3),
    ),
)


@given(st.lists(notes, max_size=30))
def test_it_holds_what_a_dict_would(changes: list[tuple[int, tuple[int, int, list[bool]] | None]]):
    held, wanted = Renewable(3), dict[int, Note]()
    held.grow(4)
    for number, (place, note) in enumerate(changes):
        if number == 10:
            held.grow(7)
        row = place if number >= 10 else place % 4
        rows = np.array([row])
        if note is None:
            held.clear(rows)
            wanted.pop(row, None)
        else:
            time, identity, stale = note
            wanted[row] = Note(time, f"{identity:032x}", (*stale,))
            held.put(rows, np.array([time]), [f"{identity:032x}"], np.array([stale]))
        assert len(held) == len(wanted)
        assert {r: held[r] for r in range(4) if r in held} == {
            r: n for r, n in wanted.items() if r < 4
        }
    again = Renewable(3)
    again.grow(7)
    for row in wanted:
        again.unpack(row, held.pack(row))
        assert again[row] == wanted[row]


def test_nothing_is_allocated_before_the_first_one() -> None:
    held = Renewable(3)
    held.grow(1_000_000)
    held.clear(np.arange(1_000_000))
    assert held.pack(7) == b""
    assert not held.holding(np.arange(3)).any()
    assert held._time.nbytes == 0


@pytest.fixture(scope="module")
def worker() -> Worker:
    return Worker(SPECIFIED, topics(SPECIFIED, ITEMS)).run()


def read(spec: Spec, user: str, value: bytes) -> tuple[Slab, int]:
    slab = Slab(make_plan(spec))
    row = int(slab.make(["x", user])[1])
    decode(slab, [user], np.array([row]), [value])
    return slab, row


def test_the_durable_value_has_it(worker: Worker) -> None:
    newest = {s["user"]: s for s in worker.scores().values()}
    for user, value in worker.store.users.items():
        slab, row = read(SPECIFIED, user, value)
        note = slab.renewable[row]
        assert note.id == newest[user]["id"]
        assert note.stale == (True, False, False)
        assert encode(slab, np.array([row])) == [value]


def test_it_takes_room_where_there_is_one_only(worker: Worker) -> None:
    other = Worker(SPEC, topics(SPEC, ITEMS)).run()
    for user, value in worker.store.users.items():
        slab, row = read(SPECIFIED, user, value)
        (with_it,) = encode(slab, np.array([row]))
        slab.renewable.clear(np.array([row]))
        (without,) = encode(slab, np.array([row]))
        assert len(with_it) - len(without) == 8 + 16 + 3
        assert len(without) == len(other.store.users[user])


def test_where_scores_are_not_renewed_any_more_it_is_dropped(worker: Worker) -> None:
    slab, row = read(SPEC, "a", worker.store.users["a"])
    assert len(slab.renewable) == 0
    (value,) = encode(slab, np.array([row]))
    assert value[8 + 16] & RENEWABLE == 0


@pytest.mark.parametrize("version", [2, 3])
def test_values_of_earlier_versions_are_read(version: int) -> None:
    other = Worker(SPEC, topics(SPEC, ITEMS[:1])).run()
    value = other.store.users["a"]
    slab, row = read(SPECIFIED, "a", value[:2] + bytes([version]) + value[3:])
    assert slab.indexed[row]
    assert row not in slab.renewable
    assert encode(slab, np.array([row])) == [value]


def test_one_that_is_cut_short_is_refused(worker: Worker) -> None:
    import zlib

    from models.state.layout import HEADER, MAGIC, VERSION

    body = worker.store.users["a"][HEADER.size : -5]
    value = HEADER.pack(MAGIC, VERSION, 3, zlib.crc32(body)) + body
    with pytest.raises(StateError, match="layout"):
        read(SPECIFIED, "a", value)
