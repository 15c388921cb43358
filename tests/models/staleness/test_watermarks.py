"""The clocks of a source: against a record-by-record computation, and one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid import NEVER
from models.spec import SourceSpec
from models.staleness.watermarks import Course, Progress, follow
from tests.models.engine.histories import examples
from tests.models.engine.story import USAGE

LATE = 5
SOURCES = {
    kind: replace(USAGE, completeness=kind, out_of_orderness=LATE, max_delay=30)
    for kind in ("data", "heartbeat", "clock")
}

Records = list[tuple[int, int, str]]
records = st.lists(
    st.tuples(
        st.integers(0, 200), st.integers(0, 20), st.sampled_from(["event", "event", "beat", "bad"])
    ),
    min_size=1,
    max_size=25,
)


def followed(source: SourceSpec, start: Progress, found: Records) -> Course:
    times = np.array([time for time, _, _ in found], dtype=np.int64)
    clocks = 100 + np.cumsum([gap for _, gap, _ in found])
    events = np.array([what == "event" for _, _, what in found])
    beats = np.array([what == "beat" for _, _, what in found])
    return follow(source, start, times, clocks, events, beats)


@pytest.mark.parametrize("kind", SOURCES)
@examples(30)
@given(records)
def test_clocks_move_as_record_by_record(kind: str, found: Records) -> None:
    source, progress, clock = SOURCES[kind], Progress(), 100
    course = followed(source, Progress(), found)
    for i, (time, gap, what) in enumerate(found):
        clock += gap
        assert course.before[i] == progress.watermark(source, clock)
        if what == "event":
            progress.data = max(progress.data, time - LATE)
            progress.last_data = max(progress.last_data, time)
        if what == "beat" and kind == "heartbeat":
            progress.heartbeat = max(progress.heartbeat, time)
        found_now = Progress(
            *(int(c[i]) for c in (course.data, course.heartbeat, course.last_data))
        )
        assert found_now == progress


@pytest.mark.parametrize("kind", SOURCES)
@examples(25)
@given(records, st.integers(0, 25))
def test_a_course_goes_on_where_the_one_before_ended(kind: str, found: Records, cut: int) -> None:
    source, cut = SOURCES[kind], min(cut, len(found) - 1)
    whole = followed(source, Progress(), found)
    if cut == 0:
        return
    first = followed(source, Progress(), found[:cut])
    middle = Progress(int(first.data[-1]), int(first.heartbeat[-1]), int(first.last_data[-1]))
    second = followed(source, middle, found[cut:])
    assert second.data.tolist() == whole.data[cut:].tolist()
    assert second.heartbeat.tolist() == whole.heartbeat[cut:].tolist()
    assert second.last_data.tolist() == whole.last_data[cut:].tolist()


@pytest.mark.parametrize("kind", SOURCES)
@examples(25)
@given(records)
def test_no_clock_ever_goes_back(kind: str, found: Records) -> None:
    course = followed(SOURCES[kind], Progress(), found)
    for moved in (course.before, course.data, course.heartbeat, course.last_data):
        assert (np.diff(moved) >= 0).all()


def one(kind: str, *found: tuple[int, int, str]) -> Progress:
    course = followed(SOURCES[kind], Progress(), list(found))
    return Progress(int(course.data[-1]), int(course.heartbeat[-1]), int(course.last_data[-1]))


@pytest.mark.parametrize(
    ("kind", "heard"), [("data", False), ("heartbeat", True), ("clock", False)]
)
def test_heartbeats_move_only_sources_that_declare_them(kind: str, heard: bool) -> None:
    assert one(kind, (50, 0, "beat")).heartbeat == (50 if heard else NEVER)


@pytest.mark.parametrize("kind", SOURCES)
def test_only_events_are_data(kind: str) -> None:
    progress = one(kind, (50, 0, "event"), (80, 0, "beat"), (90, 0, "bad"))
    assert (progress.last_data, progress.data) == (50, 45)


def test_a_source_never_heard_of_has_no_watermark_unless_its_silence_means_something() -> None:
    marks = {kind: Progress().watermark(source, 1000) for kind, source in SOURCES.items()}
    assert marks == {"data": NEVER, "heartbeat": NEVER, "clock": 970}
    assert Progress().watermark(SOURCES["clock"], NEVER) == NEVER


CASES: list[tuple[str, Any, int, int]] = [
    # an event AT the data watermark may still come: there through the moment before it
    ("data", Progress(data=50), 50, 49),
    ("data", Progress(), NEVER, NEVER),
    # a heartbeat speaks for its own moment
    ("heartbeat", Progress(heartbeat=50), 50, 50),
    ("heartbeat", Progress(data=50, heartbeat=50), 50, 50),
    ("heartbeat", Progress(data=51, heartbeat=50), 51, 50),
    # and so does the clock: 100 - max_delay
    ("clock", Progress(), 70, 70),
    ("clock", Progress(data=71), 71, 70),
    ("clock", Progress(data=72), 72, 71),
]


@pytest.mark.parametrize(("kind", "progress", "watermark", "through"), CASES)
def test_watermark_and_what_is_there_through_it(
    kind: str, progress: Progress, watermark: int, through: int
) -> None:
    assert progress.watermark(SOURCES[kind], 100) == watermark
    assert progress.through(SOURCES[kind], 100) == through
