"""Faults are pure, independent of blocks, and no heartbeat promises what a fault holds back."""

from __future__ import annotations

from collections import Counter

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.mapping import FieldMapping, SourceMapping, TimeMapping
from streams.faults import (
    Beats,
    Events,
    Fault,
    FaultError,
    faulty_beats,
    faulty_events,
    read_fault,
)

MAPPING = SourceMapping(
    user=("u",),
    time=TimeMapping(("at",), "ms"),
    fields=(FieldMapping("amount", ("pay", "amount"), "number"),),
)
ORIGIN = 100
ARRIVALS = st.lists(st.integers(0, 400), min_size=1, max_size=60)

LATE = (
    "delay by=30ms",
    "delay by=30ms from=+20ms until=+90ms",
    "delay by=70ms from=+20ms until=+30ms every=50ms",
    "growing by=12h from=+10ms",
    "growing by=3d each=1d most=40ms from=+10ms until=+200ms",
    "outage from=+20ms until=+90ms",
    "outage from=+20ms until=+90ms over=25ms",
    "outage from=+20ms until=+90ms over=25ms order=newest",
    "outage from=+20ms until=+40ms over=70ms every=60ms",
)
OTHERS = (
    "partial from=+20ms until=+90ms users=0.5",
    "partial from=+20ms until=+90ms only=kind:a",
    "duplicates records=0.5 copies=2",
    "nulls field=amount records=0.5",
    "unit field=pay.amount factor=100 from=+50ms",
    "stuck field=amount value=7",
    "replayed from=+20ms until=+90ms after=1s",
    "skew by=-3s users=0.5 seed=4",
)


def log(arrivals: list[int]) -> Events:
    """Events that arrive in the millisecond in which they happened."""
    values = [
        orjson.dumps({"u": at % 7, "at": at, "pay": {"amount": n + 1}, "kind": "ab"[n % 2]})
        for n, at in enumerate(arrivals)
    ]
    times = np.array(arrivals, dtype=np.int64)
    return Events(times * 1000, times, [b"%d" % (at % 7) for at in arrivals], values)


def fault(text: str) -> Fault:
    return read_fault(text, MAPPING, ORIGIN)


def rows(events: Events) -> list[tuple[int, int, bytes | None, bytes]]:
    columns = events.times.tolist(), events.arrivals.tolist(), events.keys, events.values
    return list(zip(*columns, strict=True))


def field(events: Events, *path: str) -> list[object]:
    found = [orjson.loads(value) for value in events.values]
    for name in path:
        found = [value[name] for value in found]
    return found


@given(ARRIVALS, st.sampled_from(LATE + OTHERS), st.integers(0, 60))
def test_blocks_make_no_difference(arrivals: list[int], text: str, cut: int) -> None:
    events = log(arrivals)
    first = np.arange(len(events)) < cut
    parts = [fault(text).events(events.part(first)), fault(text).events(events.part(~first))]
    whole = fault(text).events(events)
    assert Counter(rows(whole)) == Counter(rows(parts[0]) + rows(parts[1]))


@given(ARRIVALS, st.lists(st.sampled_from(LATE), min_size=1, max_size=1))
def test_no_heartbeat_promises_what_is_still_to_come(arrivals: list[int], texts: list[str]) -> None:
    beats = Beats(np.arange(0, 2000), np.arange(0, 2000) * 1000)
    faults = [fault(text) for text in texts]
    late, told = faulty_events(faults, log(arrivals)), faulty_beats(faults, beats)
    for arrival, complete in zip(told.arrivals.tolist(), told.complete.tolist(), strict=True):
        assert not ((late.times <= complete) & (late.arrivals > arrival)).any()


@given(ARRIVALS, st.sampled_from(LATE))
def test_what_is_late_is_all_there_and_never_early(arrivals: list[int], text: str) -> None:
    events = log(arrivals)
    late = fault(text).events(events)
    assert late.values == events.values
    assert (late.arrivals >= events.arrivals).all()


def test_a_delay_moves_what_lies_in_its_span() -> None:
    late = fault("delay by=30ms from=+20ms until=+90ms").events(log([119, 120, 189, 190]))
    assert late.arrivals.tolist() == [119, 150, 219, 190]


def test_a_growing_delay_grows_up_to_its_limit() -> None:
    late = fault("growing by=12h most=40ms from=+0ms").events(log([90, 100, 120, 180, 300]))
    assert late.arrivals.tolist() == [90, 100, 130, 220, 340]


def test_an_outage_holds_back_and_lands_in_order_or_the_newest_first() -> None:
    events = log([119, 120, 140, 189, 190])
    assert fault(LATE[5]).events(events).arrivals.tolist() == [119, 190, 190, 190, 190]
    spread = fault(LATE[6]).events(events).arrivals
    assert spread.tolist() == [119, 190, 197, 214, 190]
    newest = fault(LATE[7]).events(events).arrivals
    assert newest[1] > newest[2] > newest[3] >= 190


def test_an_outage_again_and_again() -> None:
    late = fault("outage from=+20ms until=+40ms every=60ms").events(log([110, 125, 145, 185, 245]))
    assert late.arrivals.tolist() == [110, 140, 145, 200, 260]


def test_a_part_is_half_of_the_users_or_one_kind_of_event() -> None:
    events = log(list(range(120, 190)))
    missing = fault(OTHERS[0]).events(events).arrivals != events.arrivals
    gone = {key for key, away in zip(events.keys, missing, strict=True) if away}
    assert 0 < len(gone) < 7
    assert all((key in gone) == away for key, away in zip(events.keys, missing, strict=True))
    moved = fault(OTHERS[1]).events(events).arrivals != events.arrivals
    assert moved.tolist() == [kind == "a" for kind in field(events, "kind")]


def test_heartbeats_know_nothing_of_what_the_source_does_not_notice() -> None:
    beats = Beats(np.arange(0, 400), np.arange(0, 400) * 1000)
    for text in OTHERS:
        assert fault(text).beats(beats) is beats


def test_repeats() -> None:
    events = log(list(range(100, 200)))
    twice = fault("duplicates").events(events)
    assert twice.values == [value for value in events.values for _ in range(2)]
    half = len(fault("duplicates records=0.5 copies=2").events(events))
    assert 100 + 2 * 30 < half < 100 + 2 * 70
    again = fault("replayed from=+20ms until=+90ms after=1s").events(events)
    assert again.arrivals[100:].tolist() == list(range(1120, 1190))
    assert again.values[100:] == events.values[20:90]


def test_contents() -> None:
    events = log([110, 160])
    assert field(fault("nulls field=amount").events(events), "pay", "amount") == [None, None]
    assert field(fault(OTHERS[4]).events(events), "pay", "amount") == [1, 200]
    assert field(fault(OTHERS[5]).events(events), "pay", "amount") == [7, 7]
    assert fault("unit field=nowhere.x factor=2").events(events).values == events.values


def test_a_wrong_clock_is_written_into_the_record() -> None:
    skewed = fault("skew by=-3s").events(log([5000, 6000]))
    assert field(skewed, "at") == [2000, 3000]
    assert skewed.times.tolist() == [2_000_000, 3_000_000]
    assert skewed.arrivals.tolist() == [5000, 6000]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("flood by=3d", "there are: delay, growing"),
        ("delay", "by=… is missing"),
        ("delay by=soon", "'soon' is not a duration"),
        ("delay by=1d form=+1d", "did you mean from?"),
        ("outage from=+1d", "until=… is missing"),
        ("outage from=+2d until=+1d", "until must be later than from"),
        ("outage from=+1d until=+2d order=random", "newest"),
        ("partial from=+1d until=+2d", "of what?"),
        ("nulls field=amount users=2", "no share"),
        ("delay by=1d every=2d", "every=…"),
        ("growing by=1h from=+1d until=+2d every=9d", "every"),
    ],
)
def test_errors_say_what_would_be_right(text: str, wanted: str) -> None:
    with pytest.raises(FaultError, match=wanted.replace("?", r"\?")):
        fault(text)


def test_distances_need_a_beginning() -> None:
    with pytest.raises(FaultError, match="give a time, not a distance"):
        read_fault("delay by=1d from=+2d", MAPPING)
