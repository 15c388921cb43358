"""Faults put into a source that has been learned: found, told apart, dated, and over again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import orjson
import pytest

from models.spec import QUALITY_TESTS, HealthSpec, QualitySpec, Spec
from models.staleness.corruption import Interval
from schemas.times import DAY, HOUR
from schemas.verdicts import Verdict
from tests.models.staleness.quality.world import (
    KINDS,
    LEARNED,
    SLOT,
    SOURCE,
    START,
    Log,
    Watch,
    at,
    log,
    spec_of,
)

BEGIN, END = 36.3, 37.4
"""When, in days, records with the fault arrive."""
WHOLE = log(LEARNED + 6)


@cache
def learned(**quality: float) -> bytes:
    source = replace(SOURCE, quality=QualitySpec(**quality))  # type: ignore[arg-type]
    return Watch(spec_of(source)).live(WHOLE.until(LEARNED)).state()


def after(fault: Callable[[Log], Log]) -> Watch:
    """The gate after the days with the fault."""
    return Watch(spec_of(), learned()).live(fault(WHOLE.since(LEARNED)).ordered())


def scaled(events: Log) -> Log:
    wrong = events.within(BEGIN, END)
    return events.but(amounts=np.where(wrong, 100 * events.amounts, events.amounts))


def partly_scaled(events: Log) -> Log:
    wrong = events.within(BEGIN, END) & (events.users % 3 == 0)
    return events.but(amounts=np.where(wrong, events.amounts / 1000, events.amounts))


def stuck(events: Log) -> Log:
    return events.but(amounts=np.where(events.within(BEGIN, END), 7.0, events.amounts))


def one_kind(events: Log) -> Log:
    return events.but(kinds=np.where(events.within(BEGIN, END), KINDS[3], events.kinds))


def spread(events: Log) -> Log:
    odd = np.where(np.arange(len(events.times)) % 2, 3.0, 1 / 3)
    return events.but(amounts=events.amounts ** np.where(events.within(BEGIN, END), odd, 1.0))


def nulls(events: Log) -> Log:
    wrong = events.within(BEGIN, END) & (events.users % 4 == 0)
    return events.but(amounts=np.where(wrong, np.nan, events.amounts))


def twice(events: Log) -> Log:
    again = events.within(BEGIN, END)
    return joined(events, events.part(again))


def replayed(events: Log) -> Log:
    again = events.part(events.within(BEGIN, END))
    return joined(events, again.but(arrivals=again.arrivals + 12 * HOUR))


def ahead(events: Log) -> Log:
    wrong = events.within(BEGIN, END) & (events.users % 2 == 0)
    return events.but(times=events.times + np.where(wrong, HOUR // 2, 0))


def rejected(events: Log) -> Log:
    return events.but(bad=events.within(BEGIN, END))


def partly_rejected(events: Log) -> Log:
    return events.but(bad=events.within(BEGIN, END) & (events.users % 3 == 0))


def few(events: Log) -> Log:
    return events.part(~events.within(BEGIN, END) | (events.users % 4 == 0))


def joined(one: Log, other: Log) -> Log:
    return Log(*(np.concatenate([getattr(one, n), getattr(other, n)]) for n in Log.__slots__))


FAULTS: list[tuple[str, Callable[[Log], Log]]] = [
    ("unit of amount:", scaled),
    ("unit of amount:", partly_scaled),
    ("stuck of amount:", stuck),
    ("stuck of kind:", one_kind),
    ("distribution of amount:", spread),
    ("nulls of amount:", nulls),
    ("duplicates:", twice),
    ("replayed:", replayed),
    ("clock:", ahead),
    ("rejected:", rejected),
    ("rejected:", partly_rejected),
    ("volume: only", few),
]


@pytest.mark.parametrize(("reason", "fault"), FAULTS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_fault_is_found_dated_and_over_when_it_is_over(
    reason: str, fault: Callable[[Log], Log]
) -> None:
    watch = after(fault)
    (found,) = watch.intervals.known
    assert found.reason.startswith(reason)
    assert found.state == "closed"
    assert found.end is not None
    assert at(BEGIN) - 2 * SLOT <= found.begin <= at(BEGIN)
    assert at(END) <= found.end <= at(END) + 2 * SLOT
    assert found.noticed <= at(END) + DAY


def test_repeats_that_their_ids_give_away_are_told_and_do_no_harm() -> None:
    source = replace(SOURCE, mapping=replace(SOURCE.mapping, event_id=("id",)))
    before = Watch(spec_of(source)).live(WHOLE.until(LEARNED)).state()
    for fault, kind in ((twice, "duplicates:"), (replayed, "replayed:")):
        watch = Watch(spec_of(source), before).live(fault(WHOLE.since(LEARNED)).ordered())
        found = only(watch)
        assert found.state == "accepted"
        assert found.reason.startswith(kind)
        assert found.reason.endswith("dropped by their event ids")


def test_what_is_found_is_told_in_words() -> None:
    assert "are 100 times as large as usual" in only(after(scaled)).reason
    assert "are 1/1000 as large as usual" in only(after(partly_scaled)).reason
    assert "are about 7" in only(after(stuck)).reason
    assert "most of them null-field" in only(after(rejected)).reason


def alike(events: Log) -> Log:
    """A day's times are rounded to hours, and every amount says the same: records look alike."""
    wrong = events.within(BEGIN, END)
    times = np.where(wrong, events.times // (6 * HOUR) * 6 * HOUR + HOUR, events.times)
    return events.but(times=times, amounts=np.where(wrong, 7.0, events.amounts))


def test_what_makes_records_look_alike_is_told_before_the_repeats_that_it_makes() -> None:
    stuck_first = only(after(alike)).reason
    assert stuck_first.startswith("stuck of amount:")
    assert "; duplicates:" in stuck_first


def only(watch: Watch) -> Interval:
    (found,) = watch.intervals.known
    return found


def late_for_a_day(events: Log) -> Log:
    return events.but(arrivals=events.arrivals + np.where(events.within(BEGIN, END), DAY // 2, 0))


def away(events: Log) -> Log:
    gone = events.within(BEGIN, END)
    return events.but(arrivals=np.where(gone, at(END), events.arrivals))


def newest_first(events: Log) -> Log:
    gone = events.within(END - 0.9, END)
    return events.but(
        arrivals=np.where(gone, at(END) + (at(END) - events.times) // 50, events.arrivals)
    )


@pytest.mark.parametrize("fault", [late_for_a_day, away, newest_first], ids=lambda f: f.__name__)
def test_late_data_is_not_wrong_data(fault: Callable[[Log], Log]) -> None:
    assert after(fault).intervals.known == []


def test_a_quarter_of_the_users_that_come_late_completes_what_was_too_little() -> None:
    def back(events: Log) -> Log:
        gone = events.within(BEGIN, BEGIN + 0.6) & (events.users % 4 > 0)
        return events.but(arrivals=np.where(gone, at(BEGIN + 0.9), events.arrivals))

    for one in after(back).intervals.known:
        assert one.state == "accepted"


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_clean_data_raises_no_alarm(seed: int) -> None:
    watch = Watch(spec_of()).live(log(70, seed))
    assert watch.intervals.known == []
    assert watch.quality.usual.windows > 150


def nightly(events: Log) -> Log:
    """Loaded once a day; the source shrinks to a half within six weeks."""
    times = (events.times // DAY + 1) * DAY - HOUR
    day = (times - START) / DAY
    kept = np.random.default_rng(9).random(len(day)) < 0.5 ** (day / 42)
    return events.but(times=times, arrivals=times).part(kept)


def test_volumes_of_a_nightly_load_are_judged_after_five_weeks_and_it_may_shrink() -> None:
    loads = nightly(log(77, rate=90.0))
    assert Watch(spec_of()).live(loads).intervals.known == []
    gone = (loads.times > at(LEARNED + 5)) & (loads.users % 2 == 0)
    found = only(Watch(spec_of()).live(loads.part(~gone).until(LEARNED + 12)))
    assert found.reason.startswith("volume: only")
    assert at(LEARNED + 5) <= found.begin <= at(LEARNED + 6)
    assert found.noticed <= at(LEARNED + 10)


@pytest.mark.parametrize("fault", [scaled, replayed, rejected], ids=lambda f: f.__name__)
def test_pieces_and_restarts_change_nothing(fault: Callable[[Log], Log]) -> None:
    events = fault(WHOLE.since(LEARNED)).ordered()
    whole = Watch(spec_of(), learned()).live(events)
    chance = random.Random(1)
    cuts = sorted(chance.sample(range(1, len(events.times)), 60))
    pieces, start = Watch(spec_of(), learned()), 0
    for stop in [*cuts[::3], len(events.times)]:
        inner = [cut - start for cut in cuts if start < cut < stop]
        pieces = Watch(spec_of(), pieces.live(events.part(slice(start, stop)), inner).state())
        start = stop
    assert pieces.state() == whole.state()


def test_while_a_fault_lasts_nothing_is_learned_from_it() -> None:
    before = Watch(spec_of(), learned()).quality.usual
    watch = after(lambda events: stuck(events).until(END))
    assert watch.intervals.corrupt_since != -(2**62)
    seen = watch.quality.usual.fields["amount"]
    assert max(seen.counts) < 1.1 * max(before.fields["amount"].counts)


def test_what_is_accepted_becomes_usual() -> None:
    def forever(events: Log) -> Log:
        wrong = events.arrivals > at(BEGIN)
        return events.but(amounts=np.where(wrong, 100 * events.amounts, events.amounts))

    events = forever(log(LEARNED + 26).since(LEARNED))
    watch = Watch(spec_of(), learned()).live(events.until(38))
    assert only(watch).state == "open"
    watch.intervals.rule(Verdict("v", "usage", "accept"), at(38), at(38))
    watch.quality.relearn()
    watch = Watch(spec_of(), watch.state()).live(events.since(38))
    assert only(watch).state == "accepted"


@pytest.mark.parametrize("until", [None, at(50)])
def test_rejected_it_opens_again_while_the_fault_lasts(until: int | None) -> None:
    watch = Watch(spec_of(), learned()).live(stuck(WHOLE.since(LEARNED)).until(36.8))
    reached = watch.reached
    watch.intervals.rule(Verdict("v", "usage", "reject", until=until), reached, at(36.8))
    watch = Watch(spec_of(), watch.state()).live(stuck(WHOLE).since(36.8))
    assert [one.state for one in watch.intervals.known] == ["rejected", "closed"]
    first, second = watch.intervals.known
    assert first.end == second.begin == reached


def checked_every(every: int) -> Spec:
    return replace(spec_of(), health=HealthSpec(every))


@pytest.mark.parametrize("every", [SLOT // 2, 2 * SLOT, SLOT - HOUR])
def test_with_slots_of_another_length_a_fault_is_found_as_before(every: int) -> None:
    watch = Watch(checked_every(every), learned()).live(scaled(WHOLE.since(LEARNED)))
    found = only(watch)
    assert found.reason.startswith("unit of amount:")
    assert found.state == "closed"
    assert found.end is not None
    assert at(BEGIN) - 2 * max(every, SLOT) <= found.begin <= at(BEGIN)
    assert at(END) <= found.end <= at(END) + 2 * max(every, SLOT)
    assert (watch.quality.judged + 1) * every <= watch.reached


@pytest.mark.parametrize("every", [SLOT // 2, 2 * SLOT])
def test_with_slots_of_another_length_what_is_open_goes_on_and_volumes_begin_anew(
    every: int,
) -> None:
    events = scaled(WHOLE.since(LEARNED))
    before = Watch(spec_of(), learned()).live(events.until(BEGIN + 0.5))
    assert only(before).state == "open"
    watch = Watch(checked_every(every), before.state())
    assert watch.quality.usual.expected(at(BEGIN)) is None
    watch.live(events.since(BEGIN + 0.5))
    assert only(watch).begin == only(before).begin
    assert at(END) <= (only(watch).end or 0) <= at(END) + 2 * max(every, SLOT)


@pytest.mark.parametrize("every", [HOUR, SLOT - HOUR, 5 * SLOT])
def test_slots_of_another_length_begin_where_none_has_been_seen_in_part(every: int) -> None:
    older = Watch(spec_of(), learned()).quality
    watch = Watch(checked_every(every), learned())
    assert (older.open, older.past) != ({}, {})
    assert (watch.quality.open, watch.quality.past) == ({}, {})
    assert watch.quality.unjudged == sum(seen.events for seen in older.open.values())
    begin = (watch.quality.judged + 1) * every
    assert (older.newest + 1) * SLOT <= begin < (older.newest + 1) * SLOT + every


def test_a_record_that_does_not_say_how_long_its_slots_are_has_slots_of_now() -> None:
    older = orjson.loads(learned())
    del older["quality"]["slot"]
    assert Watch(spec_of(), orjson.dumps(older)).state() == learned()


@pytest.mark.parametrize("test", QUALITY_TESTS)
def test_each_test_can_be_switched_off(test: str) -> None:
    others = tuple(name for name in QUALITY_TESTS if name != test)
    kinds = {"distribution": ("unit", "stuck", "distribution"), "duplicates": ("dupl", "replayed")}
    for reason, fault in FAULTS:
        if reason.startswith(kinds.get(test, (test,))):
            source = replace(SOURCE, quality=QualitySpec(others))
            watch = Watch(spec_of(source), learned()).live(fault(WHOLE.since(LEARNED)).ordered())
            for one in watch.intervals.known:
                assert not one.reason.startswith(kinds.get(test, (test,)))


def test_without_tests_nothing_is_gathered() -> None:
    source = replace(SOURCE, quality=QualitySpec(()))
    watch = Watch(spec_of(source)).live(WHOLE.until(3))
    assert watch.state() == Watch(spec_of(source)).live(WHOLE.until(3)).state()
    assert watch.quality.open == {}


def test_the_state_stays_small() -> None:
    assert len(learned()) < 16_000


def test_a_backlog_of_a_year_is_applied_but_not_gathered() -> None:
    events = WHOLE.until(3)
    far = events.but(times=events.times + np.repeat([0, 400 * DAY], [100, len(events.times) - 100]))
    watch = Watch(spec_of()).live(far.but(arrivals=np.maximum.accumulate(far.times)))
    assert len(watch.quality.open) < 20
    old = events.part(slice(0, 50)).but(arrivals=np.full(50, START + 403 * DAY))
    unjudged = watch.quality.unjudged
    watch._gather(old)
    assert watch.quality.unjudged == unjudged


def test_what_comes_too_seldom_for_a_window_in_a_week_is_judged_with_fewer_samples_only() -> None:
    events = log(125, rate=0.9)
    wrong = events.within(110, 125)
    events = events.but(amounts=np.where(wrong, 100 * events.amounts, events.amounts))
    seldom = Watch(spec_of()).live(events)
    assert not seldom.quality.usual.ready(at(110))
    assert seldom.intervals.known == []
    source = replace(SOURCE, quality=QualitySpec(min_samples=50))
    assert only(Watch(spec_of(source)).live(events)).reason.startswith("unit of amount:")


def test_a_volume_that_stays_as_it_is_for_a_week_becomes_usual() -> None:
    def shrunk(events: Log) -> Log:
        return events.part((events.arrivals <= at(BEGIN)) | (events.users % 4 == 0))

    watch = Watch(spec_of(), learned()).live(shrunk(log(LEARNED + 50).since(LEARNED)))
    found = only(watch)
    assert found.reason.endswith("; it has lasted for a week, so it is learned anew")
    assert found.state == "accepted"
    assert found.end is not None
    assert 7 * DAY <= found.end - found.begin <= 9 * DAY


def test_nothing_is_learned_while_somebody_says_that_it_is_wrong() -> None:
    watch = Watch(spec_of(), learned())
    verdict = Verdict("v", "usage", "corrupt", begin=at(LEARNED))
    watch.intervals.rule(verdict, watch.reached, at(LEARNED))
    before = watch.quality.usual.windows
    watch.live(WHOLE.since(LEARNED).until(LEARNED + 3))
    assert watch.quality.usual.windows == before


def test_a_slot_is_judged_when_the_watermark_has_passed_its_end() -> None:
    watch = Watch(spec_of(), learned())
    slow = WHOLE.since(LEARNED).but(arrivals=WHOLE.since(LEARNED).arrivals + 3 * HOUR)
    for day in np.arange(LEARNED, LEARNED + 2, 0.1).tolist():
        watch.live(slow.since(day).until(day + 0.1))
        assert (watch.quality.judged + 1) * SLOT <= watch.reached
