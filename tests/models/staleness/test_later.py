"""What comes later than usual, all of a source or a part of it: by definition, and in a stream."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid import NEVER, Int
from models.staleness import later as module
from models.staleness.later import Later
from models.staleness.sketch import BUCKETS, EDGES, Sketch, buckets_of
from tests.models.engine.story import S
from tests.models.staleness.feed import DAY, HOUR, START, Feed
from tests.models.staleness.feed import poisson as arrivals_by

BOUND, LEARN_FOR = 2 * HOUR, 7 * DAY
STEADY = np.full(168, 12.0)


def ended(days: list[list[float]]) -> tuple[int | None, float, float]:
    """By definition: the day at which it was said (None: it is not), share and median delay then.

    days: the delays of each, seconds. Counts of buckets are kept in arrays and weighed afresh.
    """
    good: list[Int] = []
    first, most, row = None, 0.0, 0
    said, share, by = None, 0.0, 0.0
    for day, delays in enumerate(days, start=1):
        counts = np.bincount(buckets_of(np.array(delays)), minlength=BUCKETS)
        known = np.zeros(BUCKETS)
        for age, one in enumerate(reversed(good)):
            known += one * min(1.0, 1_000 / one.sum()) * 0.5 ** ((age + 1) / 28)
        usual = EDGES[int(np.argmax(known.cumsum() >= 0.9 * known.sum() - 1e-9))] if good else 0.0
        edge = int(buckets_of(np.array([max(4 * usual, BOUND / 4e6)]))[0])
        now, before = counts[edge + 1 :].sum() / counts.sum(), 0.0
        ready = len(good) >= 7 and first is not None and (day - first) * DAY >= LEARN_FOR
        bad = False
        if ready:
            before = (known[edge + 1 :].sum() + 0.5) / (known.sum() + 1)
            error = before * (1 - before) * (1 / counts.sum() + 1 / known.sum())
            bad = now - before > 0.05 and now > 2 * most and (now - before) ** 2 > 64 * error
        if bad:
            row += 1
            late = sorted(x for x in buckets_of(np.array(delays)).tolist() if x > edge)
            share, by = now, EDGES[late[(len(late) - 1) // 2]]
            said = day if row >= 2 and said is None else said
            continue
        row, said, share, by = 0, None, 0.0, 0.0
        most = max(most * 0.5 ** (1 / 28), now) if good else most
        first = day if first is None else first
        good.append(counts)
    return said, share, by


def day_of(rng: np.random.Generator, late: float, by: float, stragglers: float) -> list[float]:
    """Delays of some hundred events, a share of them later by so many seconds."""
    usual = rng.exponential(300.0, int(rng.integers(200, 400)))
    usual += np.where(rng.random(len(usual)) < stragglers, 50_000.0, 0.0)
    return np.where(rng.random(len(usual)) < late, usual + by, usual).tolist()


AS_USUAL = (0.0, 0.0)
faults = st.sampled_from([AS_USUAL, (0.1, 40_000.0), (0.3, 2_700.0), (0.3, 40_000.0), (1.0, 9e4)])


@given(st.lists(faults, max_size=12), st.sampled_from([0.0, 0.08]), st.integers(0, 2**32))
def test_it_is_said_after_two_days_that_stand_out(
    unusual: list[tuple[float, float]], stragglers: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    days = [day_of(rng, *fault, stragglers) for fault in [*[AS_USUAL] * 9, *unusual]]
    later = Later()
    later.check(START, Sketch(), BOUND, LEARN_FOR)
    for day, delays in enumerate(days, start=1):
        for hour, part in enumerate(np.array_split(np.array(delays), 3)):
            came = Sketch()
            came.add_many(part)
            later.check(START + (day - 1) * DAY + (hour + 1) * 8 * HOUR, came, BOUND, LEARN_FOR)
        later = Later.of_json(orjson.loads(orjson.dumps(later)))
    said, share, by = ended(days)
    assert later.since == (NEVER if said is None else START + said * DAY)
    assert (later.share, later.by) == (pytest.approx(share, abs=1e-6), by)


def fed(delays_of: object, days: int = 20, seed: int = 1) -> tuple[Feed, list[bool]]:
    """A source of twelve events an hour, and at each check behind two weeks whether it is said."""
    rng = np.random.default_rng(seed)
    arrivals = arrivals_by(rng, days, STEADY)
    delays = delays_of(arrivals, rng)  # type: ignore[operator]  # a function of both
    feed, said = Feed(arrivals, np.minimum(delays, arrivals - START + HOUR)), []
    for day in range(days):
        feed.play(START + (day + 1) * DAY)
        said.append(feed.evidence.later.is_told)
    return feed, said


def test_a_fifth_of_the_users_that_come_late_is_said_while_the_source_is_fresh() -> None:
    def delays(arrivals: Int, rng: np.random.Generator) -> Int:
        fifth = (rng.random(len(arrivals)) < 0.2) & (arrivals > START + 15 * DAY)
        return np.where(fifth, 5 * DAY, 5 * S)

    feed, said = fed(delays)
    assert said == [False] * 17 + [True] * 3
    assert feed.health(feed.clock) == "fresh"
    assert feed.evidence.later.share == pytest.approx(0.2, abs=0.07)
    assert 5 * 86_400 <= feed.evidence.later.by <= 5 * 86_400 * 2**0.25


def test_a_delay_that_grows_is_said_before_it_reaches_the_bound() -> None:
    def delays(arrivals: Int, rng: np.random.Generator) -> Int:
        return 5 * S + np.maximum(0, arrivals - START - 15 * DAY) // 60

    feed, said = fed(delays)
    assert said.index(True) == 18
    assert feed.evidence.later.share > 0.99
    assert feed.health(feed.clock) == "fresh"


def test_a_backlog_and_what_weekends_bring_home_are_not_said() -> None:
    def backlog(arrivals: Int, rng: np.random.Generator) -> Int:
        landing = (arrivals > START + 16 * DAY) & (arrivals < START + 16.8 * DAY)
        return np.where(landing, 3 * DAY, 5 * S)

    def weekends(arrivals: Int, rng: np.random.Generator) -> Int:
        weekend = (arrivals - START) // DAY % 7 > 3
        return np.where(weekend & (rng.random(len(arrivals)) < 0.3), 2 * DAY, 5 * S)

    assert not any(fed(backlog)[1])
    assert not any(fed(weekends, 60)[1])


def test_what_stays_late_for_long_is_usual_from_then_on() -> None:
    def delays(arrivals: Int, rng: np.random.Generator) -> Int:
        return np.where(arrivals > START + 15 * DAY, DAY, 5 * S)

    _, said = fed(delays, 60)
    assert said[18]
    assert not any(said[18 + 4 * LEARN_FOR // DAY :])


def test_too_few_events_say_nothing() -> None:
    later, came = Later(), Sketch([80], [float(module.EVENTS - 1)])
    for week in range(30):
        usual = Sketch([2], came.weights[:]) if week < 20 else came
        later.check(START + 7 * week * DAY, usual, BOUND, LEARN_FOR)
        assert not later.is_told
