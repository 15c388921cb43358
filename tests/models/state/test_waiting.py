"""Waiting cuts are those that were put there, whoever came and went in between."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.state.cuts import CutRecord, Parts
from models.state.waiting import PendingCut, WaitingCuts
from tests.models.engine.histories import examples

ROWS, SOURCES, FEATURES = 4, 2, 3

steps = st.one_of(
    st.tuples(st.just("append"), st.integers(0, ROWS - 1), st.integers(0, 3)),
    st.tuples(st.just("keep"), st.integers(0, ROWS - 1), st.integers(0, 3)),
    st.tuples(st.just("clear"), st.integers(0, ROWS - 1), st.just(0)),
)


def cut(number: int, kind: int) -> PendingCut:
    """kind: bit 0: something was stale, bit 1: by another model."""
    said = (0.1, 0.2, float("nan"), 0.4, number / 1e3) if kind & 1 else (float("nan"),) * 5
    ages = (7, -1) if kind & 1 else (-1, -1)
    vector = (float(number), float("nan"), 0.5)
    record = CutRecord(kind >> 1, number / 1e4, (5, 6), b"ab", b"cd", vector, said, ages)
    return PendingCut(number // 3, record.pack())


@examples(60)
@given(st.lists(steps, max_size=150))
def test_they_are_what_was_put_there(commands: list[tuple[str, int, int]]) -> None:
    cuts, wanted = WaitingCuts(SOURCES, FEATURES), {row: list[PendingCut]() for row in range(ROWS)}
    cuts.grow(ROWS)
    for number, (what, row, kind) in enumerate(commands):
        if what == "append":
            cuts.append(row, cut(number, kind))
            wanted[row].append(cut(number, kind))
        elif what == "keep":
            wanted[row] = wanted[row][len(wanted[row]) - kind :] if kind else []
            cuts.put(row, wanted[row])
        else:
            cuts.clear(np.array([row]))
            wanted[row] = []
        everything = [one for held in wanted.values() for one in held]
        assert {r: cuts[r] for r in range(ROWS)} == wanted
        assert [r in cuts for r in range(ROWS)] == [bool(wanted[r]) for r in range(ROWS)]
        assert len(cuts) == len(everything)
        parts = [(one.time, *Parts(SOURCES, FEATURES).part(one.packed)) for one in everything]
        assert len(cuts._shared) == len({(time, shared) for time, shared, _, _ in parts})
        assert len(cuts._said) == sum(bool(said) for *_, said in parts)


def test_places_are_used_again() -> None:
    cuts = WaitingCuts(SOURCES, FEATURES)
    cuts.grow(1)
    for number in range(1000):
        cuts.append(0, cut(number, 1))
        cuts.put(0, cuts[0][-2:])
    assert cuts._own.room == cuts._said.room == len(cuts._next) == 64
    assert len(cuts._shared._values) < 10
