"""Waiting cuts are those that were put there, whoever came and went in between."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.state.waiting import PendingCut, WaitingCuts
from tests.models.engine.histories import examples

ROWS, SIZE = 4, 5

steps = st.one_of(
    st.tuples(st.just("append"), st.integers(0, ROWS - 1), st.just(0)),
    st.tuples(st.just("keep"), st.integers(0, ROWS - 1), st.integers(0, 3)),
    st.tuples(st.just("clear"), st.integers(0, ROWS - 1), st.just(0)),
)


@examples(60)
@given(st.lists(steps, max_size=150))
def test_they_are_what_was_put_there(commands: list[tuple[str, int, int]]) -> None:
    cuts, wanted = WaitingCuts(SIZE), {row: list[PendingCut]() for row in range(ROWS)}
    cuts.grow(ROWS)
    for number, (what, row, newest) in enumerate(commands):
        if what == "append":
            cut = PendingCut(number, number.to_bytes(SIZE, "big"))
            cuts.append(row, cut)
            wanted[row].append(cut)
        elif what == "keep":
            wanted[row] = wanted[row][len(wanted[row]) - newest :] if newest else []
            cuts.put(row, wanted[row])
        else:
            cuts.clear(np.array([row]))
            wanted[row] = []
        assert {r: cuts[r] for r in range(ROWS)} == wanted
        assert [r in cuts for r in range(ROWS)] == [bool(wanted[r]) for r in range(ROWS)]
        assert len(cuts) == sum(map(len, wanted.values()))


def test_places_are_used_again() -> None:
    cuts = WaitingCuts(SIZE)
    cuts.grow(1)
    for number in range(1000):
        cuts.append(0, PendingCut(number, bytes(SIZE)))
        cuts.put(0, cuts[0][-2:])
    assert len(cuts._times) == 64
