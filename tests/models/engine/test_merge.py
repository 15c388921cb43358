"""The merge: by arrival, source, offset, whatever comes when."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine.merge import Merger
from models.engine.records import Chunk, Merged, make_chunk
from schemas.events import EventBatch
from tests.models.engine.histories import examples
from tests.models.engine.story import START, USAGE, Raw

Place = tuple[int, int, int]
"""Arrival, source, offset."""


def chunk(arrivals: list[int], offset: int) -> Chunk:
    n = len(arrivals)
    offsets = np.arange(offset, offset + n)
    raws = [Raw(int(o), 0, None, b"", ()) for o in offsets]
    batch = EventBatch(
        users=[str(o) for o in offsets],
        times=offsets * 7,
        heartbeat=np.zeros(n, dtype=np.bool_),
        ids=np.zeros(n, dtype=np.uint64),
        kinds=np.full(n, -1, dtype=np.int8),
        fields={"n": offsets / 2},
        rejects={},
    )
    return Chunk(raws, offsets, np.array(arrivals, dtype=np.int64), batch)


def order(merged: Merged) -> list[Place]:
    """Where each merged record comes from."""
    found: list[Place | None] = [None] * len(merged)
    for source, (part, places) in enumerate(zip(merged.parts, merged.places, strict=True)):
        assert (0 if part is None else len(part)) == len(places)
        if part is not None:
            whole(part)
            for offset, arrival, place in zip(part.offsets, part.arrivals, places, strict=True):
                assert found[place] is None
                assert merged.arrivals[place] == arrival
                found[place] = (int(arrival), source, int(offset))
    assert None not in found
    return [place for place in found if place is not None]


def whole(part: Chunk) -> None:
    """Every column was cut and joined alike."""
    assert part.batch.users == [str(o) for o in part.offsets]
    assert part.batch.times.tolist() == (part.offsets * 7).tolist()
    assert part.batch.fields["n"].tolist() == (part.offsets / 2).tolist()
    assert [raw.offset for raw in part.raws] == part.offsets.tolist()


topics_of = st.lists(st.lists(st.integers(0, 12), max_size=25).map(sorted), min_size=1, max_size=4)


@examples(60)
@given(topics_of, st.randoms(use_true_random=False))
def test_any_chunks_limits_and_waits_give_the_sorted_list(
    topics: list[list[int]], rng: random.Random
) -> None:
    merger, found = Merger(len(topics)), list[Place]()
    fetched = [0] * len(topics)
    while any(f < len(t) for f, t in zip(fetched, topics, strict=True)):
        source = rng.randrange(len(topics))
        count = rng.randint(0, 5)
        arrivals = topics[source][fetched[source] : fetched[source] + count]
        merger.push(source, chunk(arrivals, fetched[source]))
        fetched[source] += len(arrivals)
        blocks = [f < len(t) for f, t in zip(fetched, topics, strict=True)]
        blocks = [b or rng.random() < 0.3 for b in blocks]  # not known to be caught up
        limit = rng.randint(1, 9)
        merged = merger.take(blocks, limit)
        if merged is not None:
            assert len(merged) <= limit
            found += order(merged)
    while (merged := merger.take([False] * len(topics), rng.randint(1, 9))) is not None:
        found += order(merged)
    assert found == sorted((a, s, o) for s, topic in enumerate(topics) for o, a in enumerate(topic))
    assert merger.buffered == [0] * len(topics)


@examples(40)
@given(topics_of, st.randoms(use_true_random=False))
def test_all_that_is_safe_goes_out_at_once(topics: list[list[int]], rng: random.Random) -> None:
    """What stays could still be preceded by a record of a source that blocks."""
    merger = Merger(len(topics))
    for source, arrivals in enumerate(topics):
        merger.push(source, chunk(arrivals, 0))
    blocks = [rng.random() < 0.5 for _ in topics]
    merged = merger.take(blocks, 10**6)
    gone = set(order(merged)) if merged is not None else set()
    waiting = {(a, s, o) for s, t in enumerate(topics) for o, a in enumerate(t)} - gone
    comes = [(t[-1] if t else -1, s) for s, t in enumerate(topics) if blocks[s]]
    assert all(any((a, s) > c for c in comes) for a, s, _ in waiting)
    assert all((a, s) <= c for a, s, _ in gone for c in comes)


def taken(merger: Merger, blocks: list[bool], ceiling: int | None = None) -> list[Place]:
    merged = merger.take(blocks, 100, ceiling)
    return [] if merged is None else order(merged)


def test_a_source_of_which_nothing_waits_holds_back_the_others() -> None:
    merger = Merger(2)
    merger.push(0, chunk([1, 2], 0))
    assert taken(merger, [True, True]) == []
    assert taken(merger, [True, False]) == [(1, 0, 0), (2, 0, 1)]


def test_ties_go_to_the_source_that_is_configured_first() -> None:
    merger = Merger(3)
    for source in (2, 0, 1):
        merger.push(source, chunk([5, 5], 0))
    # more of source 1 may come at 5, which belongs before those of source 2
    assert taken(merger, [True] * 3) == [(5, 0, 0), (5, 0, 1)]
    assert taken(merger, [False, True, False]) == [(5, 1, 0), (5, 1, 1)]
    assert taken(merger, [False] * 3) == [(5, 2, 0), (5, 2, 1)]


def test_what_came_after_the_question_proves_nothing() -> None:
    merger = Merger(2)
    merger.push(0, chunk([1, 2], 0))
    newest = merger.newest()
    merger.push(0, chunk([3], 2))
    assert taken(merger, [False, False], newest) == [(1, 0, 0), (2, 0, 1)]
    assert taken(merger, [False, False], newest) == []
    assert taken(merger, [False, False]) == [(3, 0, 2)]


def test_a_ceiling_holds_besides_the_sources_that_block() -> None:
    merger = Merger(2)
    merger.push(0, chunk([1, 2, 3], 0))
    merger.push(1, chunk([2], 0))
    assert taken(merger, [True, True], 3) == [(1, 0, 0), (2, 0, 1), (2, 1, 0)]
    merger.push(1, chunk([9], 1))
    assert taken(merger, [False, False], 4) == [(3, 0, 2)]


@pytest.mark.parametrize("stamps", [[3, 1, 2, 9, 4]])
def test_arrivals_are_a_running_maximum_never_after_the_wall_clock(stamps: list[int]) -> None:
    base = START // 1000
    raws = [Raw(i, base + stamp, None, b"{}", ()) for i, stamp in enumerate(stamps)]
    made = make_chunk(USAGE, raws, (base + 2) * 1000, (base + 5) * 1000)
    assert ((made.arrivals // 1000) - base).tolist() == [3, 3, 3, 5, 5]
