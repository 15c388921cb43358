"""Rows become records: whose they are and when they would have arrived."""

from __future__ import annotations

import pytest

from schemas.mapping import (
    FieldMapping,
    HeartbeatMapping,
    OutcomeMapping,
    SourceMapping,
    TimeMapping,
)
from streams.publish.arrival import Arrival
from streams.publish.records import Placed, UnreadableRows

MAPPING = SourceMapping(
    user=("user",),
    time=TimeMapping(("at",), "s"),
    event_id=("id",),
    fields=(FieldMapping("n", ("n",), "number"),),
    outcome=OutcomeMapping(("kind",), (("quit", "churn"),)),
    heartbeat=HeartbeatMapping(path=("beat",)),
)
T = 1_360_000_000


def placed() -> Placed:
    return Placed("shop", 4, MAPPING, Arrival(delay=5_000_000))


def test_keys_and_arrivals_come_from_the_workers_own_decoder() -> None:
    rows = [b'{"user":7,"at":%d}' % T, b'{"user":"x","at":%d.5}' % T]
    (chunk,) = placed().chunks([rows])
    assert chunk.keys == [b"7", b"x"]
    assert chunk.arrivals.tolist() == [(T + 5) * 1000, (T + 5) * 1000 + 500]
    assert chunk.sources.tolist() == [4, 4]
    assert chunk.values == rows


def test_only_user_and_time_decide_so_that_other_faults_reach_the_dead_letters() -> None:
    source = placed()
    rows = [b'{"user":1,"at":%d,"n":"none","kind":"?","id":[]}' % T, b'{"at":1}', b"oops"]
    (chunk,) = source.chunks([rows])
    assert chunk.values == rows[:1]
    assert source.skipped == {"missing-user": 1, "not-json": 1}


def test_a_recorded_heartbeat_stays_one() -> None:
    (chunk,) = placed().chunks([[b'{"beat":true,"at":%d}' % T]])
    assert chunk.keys == [None]


def test_a_first_block_without_any_readable_row_is_a_mapping_that_does_not_fit() -> None:
    with pytest.raises(UnreadableRows, match=r"shop.*missing-user.*\{\"who\":1\}"):
        list(placed().chunks([[b'{"who":1}', b'{"who":2}']]))


def test_later_blocks_may_be_bad() -> None:
    source = placed()
    good = [b'{"user":1,"at":%d}' % T]
    chunks = list(source.chunks([[], good, [b"oops"], good]))
    assert [len(c) for c in chunks] == [0, 1, 0, 1]
    assert source.skipped.total() == 1
