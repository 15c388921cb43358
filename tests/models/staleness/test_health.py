"""Health at a moment: by the configured bound, and by what was learned of the source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine.state import SourceState
from models.grid import NEVER, Float, Int
from models.staleness.corruption import Interval
from models.staleness.evidence import Evidence, Standing
from models.staleness.health import HEALTH, Frozen, freeze, health_of
from tests.models.engine.histories import examples
from tests.models.engine.story import SPEC, S, at
from tests.models.staleness.feed import DAY, HOUR, PLAIN, START, Feed, changes, poisson, without

DAYTIME = np.where(np.arange(168) % 24 >= 8, 40.0, 4.0)
"""Events an hour, by hour of the week."""
OFFICE = np.where((np.arange(168) // 24 < 5) & (np.arange(168) % 24 // 9 == 1), 30.0, 0.0)


def frozen(sources: list[SourceState]) -> Frozen:
    return Frozen.of([freeze(SPEC, sources, at(75))])


def by_bound(staleness: float, silence: float, known: SourceState | None = None) -> str:
    """Health of the story's first source: its bound of 15 s was configured."""
    clocks, marks = np.array([at(100)]), np.array([[at(100 - staleness), at(100), at(100)]])
    heard = np.array([[at(100 - silence), NEVER, NEVER]])
    sources = [known or SourceState(), SourceState(), SourceState()]
    return HEALTH[health_of(SPEC, frozen(sources), clocks, marks, heard)[0, 0]]


@pytest.mark.parametrize(
    ("staleness", "silence", "health"),
    [
        (-3, 0, "fresh"),
        (15, 15, "fresh"),
        (15.001, 15, "stalled"),
        (15.001, 7.501, "stalled"),
        (15.001, 7.499, "lagging"),
        (15.001, 15.001, "stalled"),
        (900, 1, "lagging"),
        (0, 900, "fresh"),
    ],
)
def test_by_the_configured_bound(staleness: float, silence: float, health: str) -> None:
    assert by_bound(staleness, silence) == health


@pytest.mark.parametrize(
    ("staleness", "silence", "health"),
    [(12, 0, "fresh"), (12.001, 0, "lagging"), (15, 8, "lagging"), (15.001, 8, "stalled")],
)
def test_what_was_late_at_the_last_check_is_so_until_well_below_its_bound(
    staleness: float, silence: float, health: str
) -> None:
    late = SourceState(evidence=Evidence(late=True))
    assert by_bound(staleness, silence, late) == health


def test_what_comes_for_the_first_time_was_not_late_before() -> None:
    evidence = Evidence()
    evidence.check(at(75), 25 * S, DAY, Standing(NEVER, NEVER, 15 * S))
    assert by_bound(13, 0, SourceState(evidence=evidence)) == "fresh"


def test_each_source_has_its_own_bound_and_each_row_its_own_clock() -> None:
    clocks, marks = np.array([at(100), at(130)]), np.full((2, 3), at(90))
    sources = [SourceState() for _ in SPEC.sources]
    codes = health_of(SPEC, frozen(sources), clocks, marks, marks)
    names = [[HEALTH[c] for c in row] for row in codes]
    assert names == [["fresh"] * 3, ["stalled", "stalled", "fresh"]]
    assert [s.stale_after // S for s in SPEC.sources] == [15, 25, 40]


def test_what_was_never_seen_is_unknown_and_what_is_wrong_is_corrupt() -> None:
    sources = [SourceState() for _ in SPEC.sources]
    sources[1].corrupt.add(Interval("i", at(90), None, "open", "unit", at(95), "gate"))
    marks = np.array([[NEVER, at(90), at(100)]])
    codes = health_of(SPEC, frozen(sources), np.array([at(100)]), marks, marks)
    assert [HEALTH[c] for c in codes[0]] == ["unknown", "corrupt", "fresh"]


# --- what was learned -----------------------------------------------------------------------------


def steady(seed: int, days: float, rates: Float = DAYTIME) -> Int:
    return poisson(np.random.default_rng(seed), days, rates)


def late_by(arrivals: Int, delay: int) -> Int:
    return np.full(len(arrivals), delay)


@pytest.mark.parametrize(
    ("rates", "days"),
    [(DAYTIME, 25), (OFFICE, 40), (np.full(168, 0.125), 60)],
    ids=["day", "office", "rare"],
)
def test_clean_data_raises_no_alarm_once_it_is_known(rates: Float, days: int) -> None:
    arrivals = steady(1, days, rates)
    found = Feed(arrivals, late_by(arrivals, 5 * S)).play(START + days * DAY)
    assert set(found[16 * 24 :]) == {"fresh"}


@pytest.mark.parametrize(
    ("rates", "begin", "within"),
    [
        (DAYTIME, 15 * DAY + 12 * HOUR, 2),
        (DAYTIME, 15 * DAY, 10),
        (OFFICE, 21 * DAY + 10 * HOUR, 5),
    ],
    ids=["noon", "night", "office"],
)
def test_an_outage_is_seen_and_its_end_too(rates: Float, begin: int, within: int) -> None:
    last = START + begin + 5 * DAY
    arrivals = without(steady(2, 27, rates), START + begin, START + begin + 3 * DAY)
    feed = Feed(arrivals, late_by(arrivals, 5 * S))
    found = feed.play(last)
    begun, over = begin // HOUR, begin // HOUR + 72
    seen = changes(found[begun - 1 :])
    assert [health for _, health in seen] == ["fresh", "stalled", "fresh"]
    assert seen[1][0] <= within
    assert over - 1 <= begun + seen[2][0] <= over + 24


def test_a_constant_delay_is_lagging_and_never_stalled() -> None:
    arrivals = steady(3, 12)
    feed = Feed(arrivals, late_by(arrivals, 26 * HOUR))
    found = feed.play(START + 12 * DAY)
    assert set(found[30:]) == {"lagging"}
    assert feed.evidence.lags.quantile(0.5) == pytest.approx(26 * 3600, rel=0.2)


def test_a_silence_in_a_late_source_is_an_outage_of_its_own() -> None:
    begin = 15 * DAY + 12 * HOUR
    arrivals = without(steady(4, 17), START + begin, START + 17 * DAY)
    found = Feed(arrivals, late_by(arrivals, 26 * HOUR)).play(START + 17 * DAY)
    assert set(found[30 : begin // HOUR]) == {"lagging"}
    assert found[begin // HOUR + 3] == "stalled"


def test_a_load_each_night_is_late_but_well_and_missed_when_it_does_not_come() -> None:
    rng, loads, delays = np.random.default_rng(5), [], []
    for day in range(1, 60):
        begun = START + day * DAY + 3 * HOUR + int(rng.integers(0, 40 * 60)) * S
        loads.append(begun + np.sort(rng.integers(0, 60 * S, 100)))
        delays.append(rng.integers(3 * HOUR, 27 * HOUR, 100))
    missed = [i for i in range(59) if i not in (49, 50)]
    feed = Feed(
        np.concatenate([loads[i] for i in missed]), np.concatenate([delays[i] for i in missed])
    )
    found = feed.play(START + 59 * DAY)
    assert set(found[20 * 24 : 50 * 24 + 4]) == {"lagging"}
    first = found.index("stalled", 50 * 24)
    assert first <= 52 * 24
    assert set(found[-24:]) == {"lagging"}


def test_a_straggler_in_an_outage_does_not_end_it() -> None:
    begin = START + 15 * DAY + 12 * HOUR
    arrivals = without(steady(6, 18), begin, begin + 2 * DAY)
    arrivals = np.sort(np.append(arrivals, begin + 22 * HOUR))
    found = Feed(arrivals, late_by(arrivals, 5 * S)).play(START + 18 * DAY)
    assert [h for _, h in changes(found[15 * 24 + 11 :])] == ["fresh", "stalled", "fresh"]


def test_a_backlog_after_an_outage_is_late_until_it_has_caught_up() -> None:
    begin, end = START + 15 * DAY, START + 17 * DAY
    arrivals = steady(7, 19)
    held = (arrivals > begin) & (arrivals <= end)
    delays = np.where(held, end + 2 * HOUR - arrivals, 5 * S)
    landed = np.where(held, end + 2 * HOUR, arrivals)
    order = np.argsort(landed, kind="stable")
    landed, delays = landed[order], delays[order]
    found = Feed(landed, delays).play(START + 19 * DAY)
    assert found[-1] == "fresh"
    assert [h for _, h in changes(found[15 * 24 :])][:2] == ["fresh", "stalled"]


def test_a_source_that_changed_for_good_is_learned_anew() -> None:
    arrivals = np.append(steady(8, 15), START + 15 * DAY + np.arange(1, 80) * DAY)
    found = Feed(arrivals, late_by(arrivals, 5 * S)).play(START + 90 * DAY)
    assert set(found[20 * 24 : 40 * 24]) == {"stalled"}
    assert set(found[-10 * 24 :]) == {"fresh"}


def test_where_a_bound_is_configured_it_decides() -> None:
    arrivals = steady(9, 30, np.full(168, 0.125))
    source = replace(PLAIN, stale_given=True)
    assert "stalled" in Feed(arrivals, late_by(arrivals, 0), source=source).play(START + 30 * DAY)


def test_a_source_that_is_about_as_late_as_its_configured_bound_does_not_flap() -> None:
    arrivals = steady(9, 20)
    delays = HOUR * 2 + np.random.default_rng(9).normal(0, 3 * 60 * S, len(arrivals))
    source = replace(PLAIN, stale_given=True)
    found = Feed(arrivals, delays.astype(np.int64), source=source).play(START + 20 * DAY)
    assert [health for _, health in changes(found[24:])] == ["lagging"]


def test_half_of_the_users_gone_while_the_rest_flows() -> None:
    arrivals = steady(10, 17)
    slices = np.random.default_rng(10).integers(0, 8, len(arrivals))
    begin = START + 15 * DAY + 12 * HOUR
    kept = (arrivals <= begin) | (slices >= 4)
    feed = Feed(arrivals[kept], late_by(arrivals[kept], 5 * S), slices[kept])
    found = feed.play(begin)
    assert set(feed.evidence.segments.missing) == {NEVER}
    found += feed.play(begin + DAY)
    assert [since != NEVER for since in feed.evidence.segments.missing] == [True] * 4 + [False] * 4
    assert set(found[10 * 24 :]) == {"fresh"}


@examples(3)
@given(st.integers(0, 2**32))
def test_how_records_are_cut_into_batches_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrivals = without(steady(seed, 11), START + 9 * DAY, START + 10 * DAY)
    delays = rng.integers(0, 5 * HOUR, len(arrivals))
    whole, cut = Feed(arrivals, delays), Feed(arrivals, delays)
    assert whole.play(START + 11 * DAY) == cut.play(START + 11 * DAY, rng)
    assert whole.state == cut.state
