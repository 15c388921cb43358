"""What is gathered in one pass over many checks, against a pass for each stretch between two."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from models.grid import NEVER
from models.staleness.evidence import Evidence, Standing
from models.staleness.gathered import Run, gathered
from models.staleness.quality.tally import Records
from models.staleness.runs import counted, numbered, runs
from schemas.events import EventBatch
from schemas.reasons import Reject
from tests.models.staleness.feed import DAY, HOUR, START
from tests.models.staleness.quality.world import KINDS, SLOT, Watch, spec_of

CHECKS = 6


@given(st.lists(st.integers(-3, 3), max_size=30))
def test_runs_are_what_plain_search_finds(values: list[int]) -> None:
    array = np.array(values, dtype=np.int64)
    found, place = numbered(array)
    assert found.tolist() == sorted(set(values))
    assert found[place].tolist() == values
    present, counts = counted(array)
    assert dict(zip(present.tolist(), counts.tolist(), strict=True)) == {
        value: values.count(value) for value in sorted(set(values))
    }
    pieces = [(value, values[own]) for value, own in runs(array)]
    assert [one for _, piece in pieces for one in piece] == values
    assert all(set(piece) == {value} for value, piece in pieces)
    assert all(a[0] != b[0] for a, b in pairwise(pieces))


@given(st.integers(0, 2**32), st.integers(0, 400))
def test_the_evidence_of_many_stretches_is_found_in_one_pass(seed: int, n: int) -> None:
    g = np.random.default_rng(seed)
    arrived = np.sort(START + g.integers(1, CHECKS * HOUR, n))
    usable = g.random(n) < 0.8
    m = int(usable.sum())
    slices, kinds = g.integers(0, 8, m), g.integers(-1, 2, m)
    run = Run(arrived[usable], slices, kinds, 2, arrived, g.exponential(1e4, n))
    whole, parts = Evidence(), Evidence()
    came = gathered(START, HOUR, run)
    for number in range(CHECKS):
        begin, end = START + number * HOUR, START + (number + 1) * HOUR
        if number in came:
            whole.take(came[number])
        used = (run.clocks > begin) & (run.clocks <= end)
        seen = (run.arrived > begin) & (run.arrived <= end)
        own = Run(run.clocks[used], slices[used], kinds[used], 2, arrived[seen], run.delays[seen])
        for one in gathered(begin, HOUR, own).values():
            parts.take(one)
        for evidence in (whole, parts):
            evidence.check(end, HOUR, DAY, Standing(end - HOUR, end, HOUR))
        parts = Evidence.of_json(orjson.loads(orjson.dumps(parts)))
    assert orjson.dumps(whole) == orjson.dumps(parts)
    assert whole.heard == (int(run.clocks[-1]) if m else NEVER)


def _records(g: np.random.Generator, n: int) -> Records:
    """Random records; one in ten comes days late, one in ten is rejected."""
    clocks = np.sort(g.integers(1, CHECKS * SLOT, n)) + 18_262 * DAY
    late = (g.random(n) < 0.1) * g.integers(0, 60 * DAY, n)
    times = clocks - g.integers(0, SLOT, n) - late
    amounts = np.where(g.random(n) < 0.1, np.nan, np.round(g.normal(0, 50, n)))
    kinds = np.where(g.random(n) < 0.1, np.uint64(0), KINDS[g.integers(0, 4, n)])
    batch = EventBatch(
        users=[None] * n,
        times=times,
        heartbeat=np.zeros(n, bool),
        ids=np.zeros(n, np.uint64),
        kinds=np.full(n, -1, np.int8),
        fields={"amount": amounts, "kind": kinds, "unused": np.full(n, np.nan)},
        rejects={},
    )
    bad = g.random(n) < 0.1
    reached = np.maximum.accumulate(np.where(bad, NEVER, times))
    rejected = dict.fromkeys(np.flatnonzero(bad).tolist(), (Reject.NULL_FIELD, ""))
    users = g.integers(0, 5, n).astype(np.uint64)
    stretch = (clocks - 18_262 * DAY - 1) // SLOT
    return Records(batch, users, clocks, ~bad, reached, rejected, stretch)


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_the_slots_of_many_stretches_are_found_in_one_pass(seed: int, n: int) -> None:
    records = _records(np.random.default_rng(seed), n)
    ends = np.searchsorted(records.stretch, np.arange(CHECKS), side="right")
    marks = np.append(NEVER, records.reached)[ends]
    whole, parts = Watch(spec_of()), Watch(spec_of())
    came = whole.gate.gathered(records, marks[:-1])
    start = 0
    for number, end in enumerate(ends.tolist()):
        if number in came:
            whole.gate.take(came[number])
        for one in parts.gate.gathered(_part(records, start, end), marks[:0]).values():
            parts.gate.take(one)
        start = end
        for watch in (whole, parts):
            watch.gate.check(18_262 * DAY + (number + 1) * SLOT, int(marks[number]))
        assert whole.state() == parts.state()


def _part(records: Records, start: int, stop: int) -> Records:
    own, batch = slice(start, stop), records.batch
    part = replace(
        batch,
        users=batch.users[own],
        times=batch.times[own],
        ids=batch.ids[own],
        kinds=batch.kinds[own],
        fields={name: column[own] for name, column in batch.fields.items()},
    )
    return Records(
        part,
        records.users[own],
        records.arrivals[own],
        records.usable[own],
        records.reached[own],
        {i - start: why for i, why in records.rejected.items() if start <= i < stop},
        np.zeros(stop - start, dtype=np.int64),
    )
