"""Times and durations: strict, exact, and the same one by one as in bulk."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.timecolumns import parse_times
from schemas.times import (
    DAY,
    HOUR,
    MAX_TIME,
    MIN_TIME,
    MINUTE,
    SECOND,
    NaiveTimeError,
    TimeError,
    days_from_civil,
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)
from schemas.timetexts import format_times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
instants = st.datetimes(timezones=st.just(UTC))
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))


def day(text: str) -> datetime:
    """A time without zone."""
    return datetime.fromisoformat(text)


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def one_by_one(text: str, zone: ZoneInfo | None) -> int | None:
    try:
        return parse_time(text, zone)
    except TimeError:
        return None


@given(st.datetimes(min_value=day("0002-01-01"), max_value=day("9998-01-01")), offsets)
def test_what_python_writes_is_read(moment: datetime, offset: timezone) -> None:
    aware = moment.replace(tzinfo=offset)
    assert parse_time(aware.isoformat()) == micros(aware)


@given(instants)
def test_what_is_written_is_read_again(moment: datetime) -> None:
    time = micros(moment)
    text = format_time(time)
    assert parse_time(text) == time
    assert datetime.fromisoformat(text) == moment


whole = st.integers(MIN_TIME, MAX_TIME - 1)
rounded = whole.flatmap(lambda t: st.sampled_from([t, t // 1000 * 1000, t // SECOND * SECOND]))


@given(st.lists(rounded))
def test_columns_are_written_like_single_times(times: list[int]) -> None:
    texts = format_times(np.array(times, dtype=np.int64))
    assert [text.decode() for text in texts] == [format_time(t) for t in times]


def test_as_many_decimals_as_needed() -> None:
    assert format_time(0) == "1970-01-01T00:00:00Z"
    assert format_time(1000) == "1970-01-01T00:00:00.001Z"
    assert format_time(1) == "1970-01-01T00:00:00.000001Z"
    with pytest.raises(TimeError, match="years"):
        format_time(-(2**62))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", SECOND),
        ("1970-01-01 00:00:01Z", SECOND),
        ("1970-01-01T00:00:00.1Z", SECOND // 10),
        ("1970-01-01T00:00:00.1234567899Z", 123456),
        ("1970-01-01T00:00:00-00:30", 30 * MINUTE),
        ("1970-01-01T01:00:00.5+01:00", SECOND // 2),
        ("2016-12-31T23:59:60Z", parse_time("2017-01-01T00:00:00Z")),
        ("2017-01-01T00:59:60+01:00", parse_time("2017-01-01T00:00:00Z")),
        ("2000-02-29T00:00:00Z", 11016 * DAY),
    ],
)
def test_texts_that_are_times(text: str, expected: int) -> None:
    assert parse_time(text) == expected
    times, good = parse_times([text])
    assert (times.tolist(), good.tolist()) == ([expected], [True])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-05",
        "2026-01-05T12:00Z",
        "20260105T120000Z",
        "2026-1-05T12:00:00Z",
        "2026-13-05T12:00:00Z",
        "2026-00-05T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-05T24:00:00Z",
        "2026-01-05T12:60:00Z",
        "2026-01-05T12:00:60Z",
        "2026-01-05T12:00:61Z",
        "2026-01-05T12:00:00.Z",
        "2026-01-05T12:00:00,5Z",
        "2026-01-05T12:00:00+0100",
        "2026-01-05T12:00:00+24:00",
        "2026-01-05T12:00:00+01:60",
        "2026-01-05T12:00:00 Z",
        "2026-01-05T12:00:00Z ",
        "2026-01-05T12:00:00ZZ",
        "2026-01-05X12:00:00Z",
        "２026-01-05T12:00:00Z",  # a full-width digit, which int() would take
        "2026-01-05T12:00:0\u0660Z",
    ],
)
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(TimeError):
        parse_time(text)
    assert parse_times([text])[1].tolist() == [False]


def test_a_time_without_offset_needs_a_zone() -> None:
    text = "2026-07-05T12:00:00"
    with pytest.raises(NaiveTimeError, match="Europe/London"):
        parse_time(text)
    assert parse_times([text])[1].tolist() == [False]
    assert parse_time(text, LONDON) == parse_time("2026-07-05T11:00:00Z")
    assert parse_time(text + "Z", LONDON) == parse_time("2026-07-05T12:00:00Z")


@given(st.lists(st.datetimes(day("1975-01-01"), day("2199-01-01")), max_size=5))
@example([day("2026-03-29T01:30:00"), day("2026-10-25T01:30:00")])
def test_zones_are_those_of_python(moments: list[datetime]) -> None:
    texts = [moment.isoformat() for moment in moments]
    expected = [micros(moment.replace(tzinfo=LONDON)) for moment in moments]
    times, good = parse_times(texts, LONDON)
    assert good.all()
    assert times.tolist() == expected == [parse_time(text, LONDON) for text in texts]


near_times = st.one_of(
    st.builds(
        lambda moment, fraction, end: moment.isoformat(timespec="seconds") + fraction + end,
        st.datetimes(),
        st.sampled_from(["", ".5", ".123", ".123456", ".1234567", "."]),
        st.sampled_from(["", "Z", "z", "+01:00", "-23:59", "+24:00", "+1:00"]),
    ),
    st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z"),
    st.text(max_size=40),
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = draw(near_times)
    if text and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(text) - 1))
        text = text[:place] + draw(st.sampled_from("0969:-+.TZ é٣")) + text[place + 1 :]
    return text


@given(st.lists(damaged()), st.sampled_from([None, LONDON]))
def test_in_bulk_equals_one_by_one(texts: list[str], zone: ZoneInfo | None) -> None:
    times, good = parse_times(texts, zone)
    expected = [one_by_one(text, zone) for text in texts]
    found = [t if ok else None for t, ok in zip(times.tolist(), good.tolist(), strict=True)]
    assert found == expected


@given(st.dates())
def test_the_calendar_is_pythons(at: date) -> None:
    assert days_from_civil(at.year, at.month, at.day) == at.toordinal() - 719_163


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0),
        ("28d", 28 * DAY),
        ("2w", 14 * DAY),
        ("1h30m", 90 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        ("100ms", 100_000),
        ("1s5us", SECOND + 5),
        ("90m", 90 * MINUTE),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "d", "-1d", "1.5h", "1 d", "30m1h", "1d1d", "7days", "1D", "36526d", "١d"]
)
def test_texts_that_are_no_durations(text: str) -> None:
    with pytest.raises(TimeError):
        parse_duration(text)


@given(st.integers(0, 36_525 * DAY))
def test_durations_are_read_as_written(duration: int) -> None:
    assert parse_duration(format_duration(duration)) == duration


def test_durations_for_people() -> None:
    assert format_duration(36 * HOUR) == "1d12h"
    assert format_duration(-HOUR) == "-1h"
