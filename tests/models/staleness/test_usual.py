"""What is learned as usual, and what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from models.grid import NEVER
from models.staleness.cadence import TICKS, UNIT, Cadence
from models.staleness.evidence import Evidence, Standing
from models.staleness.gathered import Run, gathered
from models.staleness.segments import SLICES, Segments
from models.staleness.sketch import EDGES
from tests.models.engine.story import S
from tests.models.staleness.feed import DAY, HOUR, START, Feed, poisson, without

FULL = 2**TICKS - 1


def test_the_silence_of_an_outage_is_not_usual_afterwards() -> None:
    begin = START + 12 * DAY + 12 * HOUR
    arrivals = poisson(np.random.default_rng(1), 16, np.full(168, 40.0))
    arrivals = without(arrivals, begin, begin + 2 * DAY)
    feed = Feed(arrivals, np.full(len(arrivals), 5 * S))
    found = feed.play(START + 16 * DAY)
    assert "stalled" in found[12 * 24 :]
    cadence = feed.evidence.cadence
    assert EDGES[cadence.silences.buckets[-1]] * UNIT < cadence.bound


def test_a_silence_goes_on_from_where_the_newest_pulse_was() -> None:
    cadence = Cadence()
    cadence.check(START + HOUR, HOUR, DAY, FULL, START + HOUR)
    each = cadence.each
    cadence.check(START + 2 * HOUR, HOUR, DAY, 1, START + HOUR + 1)
    assert (cadence.load, cadence.quiet) == (pytest.approx(59 * each), 59)
    later = cadence.each
    cadence.check(START + 3 * HOUR, HOUR, DAY, 0, START + HOUR + 1)
    assert (cadence.load, cadence.quiet) == (pytest.approx(59 * each + TICKS * later), 59 + TICKS)


def test_a_usual_silence_is_said_in_the_time_that_it_took() -> None:
    """Whatever the hours of the week at which it began and ended are like."""
    cadence = Cadence()
    for hour in range(60 * 24):
        time = START + (hour + 1) * HOUR
        cadence.check(time, HOUR, 7 * DAY, 1 << 5 if hour % 24 == 2 else 0, time)
        cadence = Cadence.of_json(orjson.loads(orjson.dumps(cadence)))
    usual = cadence.spans.quantile(0.5)
    assert usual is not None
    assert 24 * TICKS <= usual < 24 * TICKS * 2**0.25


def test_a_record_from_before_silences_were_timed_is_read() -> None:
    content = orjson.loads(orjson.dumps(Cadence()))
    assert content.pop("quiet") == 0
    assert Cadence.of_json(content) == Cadence()


def test_a_backlog_of_many_does_not_make_its_delay_usual() -> None:
    evidence = Evidence()
    for hour, (count, delay) in enumerate([*[(60, 5.0)] * 10, (100_000, 260_000.0)]):
        clocks = START + hour * HOUR + np.sort(np.arange(count) % HOUR + 1)
        some = np.zeros(count, dtype=np.int64)
        run = Run(clocks, some, some - 1, 0, clocks, np.full(count, delay))
        evidence.take(gathered(START + hour * HOUR, HOUR, run)[0])
        time = START + (hour + 1) * HOUR
        evidence.check(time, HOUR, DAY, Standing(time, time, 2 * HOUR))
    assert evidence.delays.total == pytest.approx(11 * 50)
    assert (evidence.delays.quantile(0.5) or 0.0) < 10.0


def test_a_part_that_comes_in_turns_is_not_missed() -> None:
    segments = Segments()
    for hour in range(200):
        segments.gather([FULL * (hour % 2)] + [FULL] * (SLICES - 1))
        segments.check(START + hour * HOUR, DAY, FULL, 1.0)
        assert segments.missing[0] == NEVER


def test_a_part_that_has_been_gone_for_long_is_not_expected_any_more() -> None:
    segments, seen = Segments(), []
    for hour in range(400):
        segments.gather([FULL * (hour < 100)] + [FULL] * (SLICES - 1))
        segments.check(START + hour * HOUR, DAY, FULL, 1.0)
        seen.append(segments.missing[0] != NEVER)
    assert not any(seen[:100])
    assert seen[101]
    assert not any(seen[-150:])


@pytest.mark.parametrize(("loads", "nights"), [(42, 5), (14, 9), (5_000, 3)])
def test_a_part_of_a_nightly_load_is_missed_after_as_many_as_chance_does_not_leave_out(
    loads: int, nights: int
) -> None:
    segments, missed = Segments(), None
    for night in range(loads + 10):
        segments.gather([1 << 59 if night < loads else 0] + [1 << 59] * (SLICES - 1))
        segments.check(START + night * DAY, 7 * DAY, 1 << 59, 1 / 60)
        assert segments.missing[1:] == [NEVER] * (SLICES - 1)
        if missed is None and segments.missing[0] != NEVER:
            missed = night - loads + 1
    assert missed == nights == max(3, _so_many(loads))


def test_parts_go_on_with_what_was_known_of_the_same_kinds_alone() -> None:
    segments = Segments().of_kinds(["k = a"])
    segments.gather([FULL] * (SLICES + 1))
    segments.check(START, DAY, FULL, 1.0)
    assert segments.of_kinds(["k = a"]) == segments
    for listed in (["k = b"], ["k = a", "k = b"], []):
        assert segments.of_kinds(listed) == Segments(listed=listed)
    older = replace(segments, listed=None)
    assert older.of_kinds(["k = b"]) == replace(segments, listed=["k = b"])
    assert older.of_kinds([]) == Segments(listed=[])


def _so_many(loads: int) -> int:
    """Loads without it in a row that have a chance below 1e-6, if it was in all of so many.

    Of a share that may be anything beforehand (Laplace's rule of succession, step by step).
    """
    chance, number = 1.0, 0
    while chance >= 1e-6:
        number += 1
        chance *= number / (loads + 1 + number)
    return number


def test_a_part_that_is_in_every_other_load_is_not_missed() -> None:
    chance, segments = np.random.default_rng(3), Segments()
    for night in range(300):
        segments.gather([(1 << 59) * int(chance.random() < 0.5)] + [1 << 59] * (SLICES - 1))
        segments.check(START + night * DAY, 7 * DAY, 1 << 59, 1 / 60)
        assert segments.missing[0] == NEVER
