"""Durable values: read back as written, or refused with the reason."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.plan import make_plan
from models.learning.cuts import is_example
from models.state.codec import encode
from models.state.cuts import CutRecord
from models.state.decoding import decode
from models.state.layout import StateError
from models.state.slab import Slab
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.story import EAGER, SPEC, Item, S, at, beat, event, topics


def read(worker: Worker, user: str, value: bytes) -> tuple[Slab, int]:
    slab = Slab(make_plan(worker.spec))
    row = int(slab.make(["someone else", user])[1])
    decode(slab, [user], np.array([row]), [value])
    return slab, row


@examples(12)
@given(histories())
def test_what_is_read_back_is_written_as_the_same_bytes(items: list[Item]) -> None:
    worker = Worker(EAGER, topics(EAGER, items)).run()
    for user, value in worker.store.users.items():
        slab, row = read(worker, user, value)
        assert encode(slab, np.array([row])) == [value]


@pytest.fixture(scope="module")
def worker() -> Worker:
    """A user with panes, sketches, ids, outcomes and a cut that waits."""
    assert any(is_example(SPEC, "a", SPEC.cuts.anchor + k * 20 * S) for k in range(4))
    items = [event("usage", t, "a", t - 1, n=t, k=f"k{t % 7}") for t in range(1, 60, 3)]
    items.append(event("outcomes", 61, "a", 70, kind="leave"))
    return Worker(SPEC, topics(SPEC, [*items, beat("billing", 70)])).run()


def test_the_value_holds_everything(worker: Worker) -> None:
    slab, row = read(worker, "a", worker.store.users["a"])
    held = worker.engine.slab
    source_row = int(held.row_of(["a"])[0])
    for name in ("entered", "last_seen", "last_score", "indexed", "dated", "offsets"):
        assert np.array_equal(getattr(slab, name)[row], getattr(held, name)[source_row]), name
    assert slab.outcomes[row] == held.outcomes[source_row] != []
    assert slab.pending[row] == held.pending[source_row] != []
    assert slab.ids[row] == held.ids[source_row] != {}
    sketches, kept = slab.distinct[0][row], held.distinct[0][source_row]
    assert sketches.panes == kept.panes


def test_the_same_vector_comes_from_what_was_read_back(worker: Worker) -> None:
    as_of = [int(worker.engine.slab.rings[0].newest.max())] * 3
    before = worker.vector("a", as_of[0], as_of)
    slab, _ = read(worker, "a", worker.store.users["a"])
    worker.engine.slab = slab
    after = worker.vector("a", as_of[0], as_of)
    assert np.array(before[0]).tobytes() == np.array(after[0]).tobytes()


def test_a_value_cut_short_anywhere_is_refused(worker: Worker) -> None:
    value = worker.store.users["a"]
    for length in range(0, len(value), 29):
        with pytest.raises(StateError, match=r"'a'.*rebuild"):
            read(worker, "a", value[:length])


def test_a_changed_bit_anywhere_is_refused(worker: Worker) -> None:
    rng = random.Random(1)
    for place in range(0, len(worker.store.users["a"]), 29):
        value = bytearray(worker.store.users["a"])
        value[place] ^= 1 << rng.randrange(8)
        with pytest.raises(StateError, match="'a'"):
            read(worker, "a", bytes(value))


def test_a_value_with_something_behind_it_is_refused(worker: Worker) -> None:
    with pytest.raises(StateError, match="damaged"):
        read(worker, "a", worker.store.users["a"] + b"\0")


def test_another_version_is_refused_with_the_remedy(worker: Worker) -> None:
    value = worker.store.users["a"]
    newer = value[:2] + bytes([value[2] + 1]) + value[3:]
    with pytest.raises(StateError, match=r"version .*rebuild from the topics"):
        read(worker, "a", newer)


def test_another_feature_set_is_refused_by_name(worker: Worker) -> None:
    other = replace(SPEC, features=SPEC.features[:-1])
    reader = Worker(other, topics(other, []))
    with pytest.raises(StateError, match=f"{SPEC.feature_set}.*{other.feature_set}"):
        read(reader, "a", worker.store.users["a"])


def test_a_shorter_ring_keeps_the_newest_panes_and_the_last_value() -> None:
    items = [event("usage", 5, "a", 5, n=7, k="quiz"), event("usage", 125, "a", 125, n=1)]
    worker = Worker(SPEC, topics(SPEC, items)).run()
    short = replace(SPEC, labels=replace(SPEC.labels, horizon=20 * S), max_future=0)
    short = replace(short, learning=replace(short.learning, every=0, complete_within=0))
    assert short.feature_set == SPEC.feature_set
    reader = Worker(short, topics(short, []))
    assert reader.plan.panes < worker.plan.panes
    slab, row = read(reader, "a", worker.store.users["a"])
    assert slab.rings[0].pool.used[row] == 1
    reader.engine.slab = slab
    before, after = (w.vector("a", at(125), [at(125)] * 3) for w in (worker, reader))
    assert before[0] == pytest.approx(after[0], nan_ok=True)
    assert 7.0 in after[0]


@examples(60)
@given(
    st.integers(0, 2**40),
    st.floats(0, 1),
    st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=3),
    st.binary(min_size=3, max_size=3),
    st.lists(st.floats(), max_size=30),
)
def test_a_waiting_cut_is_unpacked_as_it_was_packed(
    version: int, probability: float, as_of: list[int], codes: bytes, vector: list[float]
) -> None:
    cut = CutRecord(version, probability, tuple(as_of), codes, codes[::-1], tuple(vector))
    again = CutRecord.unpack(cut.pack())
    assert (again.model_version, again.probability, again.as_of) == (
        version,
        probability,
        (*as_of,),
    )
    assert (again.health, again.treatment) == (codes, codes[::-1])
    assert np.array(again.vector).tobytes() == np.array(cut.vector).tobytes()


def test_large_counts_and_far_panes_are_read_back() -> None:
    events = [event("usage", 5, "a", 5, n=2), event("usage", 125, "a", 125, n=1)]
    worker = Worker(SPEC, topics(SPEC, events)).run()
    held = worker.engine.slab
    row = held.row_of(["a"])
    entries, _ = held.rings[0].pool.entries(row)
    held.rings[0].pool.fit(np.array([2**20]))
    held.rings[0].pool.counts[entries] = np.arange(2**20, 2**20 + len(entries))[:, None]
    (value,) = encode(held, row)
    slab, again = read(worker, "a", value)
    found, _ = slab.rings[0].pool.entries(np.array([again]))
    for name in ("ids", "counts", "numbers"):
        one, other = (getattr(s.rings[0].pool, name) for s in (held, slab))
        assert one[entries].tobytes() == other[found].tobytes()
    assert encode(slab, np.array([again])) == [value]


@examples(10)
@given(histories())
def test_many_are_read_as_each_alone(items: list[Item]) -> None:
    worker = Worker(EAGER, topics(EAGER, items)).run()
    users = sorted(worker.store.users)
    slab = Slab(make_plan(EAGER))
    rows = slab.make(users)
    decode(slab, users, rows, [worker.store.users[user] for user in users])
    assert encode(slab, rows) == [worker.store.users[user] for user in users]
