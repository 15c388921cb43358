"""State is forgotten in event time, after the user has left and nothing waits for a label."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from models.features.plan import lifetime
from models.spec import PopulationSpec, Spec
from schemas.times import parse_time
from tests.models.engine.harness import Worker
from tests.models.engine.oracle import Oracle
from tests.models.engine.story import SPEC, Item, S, at, beat, event, topics

LIFETIME = lifetime(SPEC) // S
SILENCE = replace(SPEC, population=PopulationSpec(inactivity=50 * S))
LEFT = event("outcomes", 12, "a", 12, kind="churn")


def story(until: float, *items: Item) -> list[Item]:
    """Items, and heartbeats at the end of every epoch."""
    beats = [beat("billing", t) for t in range(30, int(until) + 1, 30)]
    return sorted([*items, *beats, beat("billing", until)], key=lambda item: item.stamp)


def kept(spec: Spec, items: list[Item]) -> set[str]:
    """Whose state is durable at the end, however the records were cut into batches."""
    whole = Worker(spec, topics(spec, items)).run()
    truth = Oracle(spec, lifetime=lifetime(spec)).run(items)
    assert set(whole.store.users) == set(truth.users)
    pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(1))
    assert set(pieces.store.users) == set(truth.users)
    assert pieces.scores() == whole.scores()
    assert whole.store.at_risk <= set(whole.store.users)
    assert set(whole.store.expiry) <= set(whole.store.users)
    assert set(whole.store.pending) <= set(whole.store.users)
    return set(truth.users)


@pytest.mark.parametrize(("until", "there"), [(270, True), (300, True), (301, False), (600, False)])
def test_who_has_left_is_forgotten_at_the_end_of_an_epoch(until: float, there: bool) -> None:
    """12 + 260 s: the epoch that ends at 300 forgets, once the clock has passed it."""
    assert LIFETIME == 260
    items = story(until, event("usage", 1, "a", 1), LEFT, event("usage", 1, "b", 1))
    assert kept(SPEC, items) == ({"a", "b"} if there else {"b"})


def test_who_is_at_risk_is_kept_however_quiet() -> None:
    assert kept(SPEC, story(800, event("usage", 1, "a", 1))) == {"a"}


def test_who_fell_silent_is_forgotten_after_the_silence() -> None:
    last = 1 + 50 + LIFETIME
    assert kept(SILENCE, story(last + 30 - last % 30, event("usage", 1, "a", 1))) == {"a"}
    assert kept(SILENCE, story(last + 31, event("usage", 1, "a", 1))) == set()


def test_who_never_entered_is_forgotten_too() -> None:
    assert kept(SPEC, story(600, event("outcomes", 1, "a", 1, kind="leave"))) == set()


def test_every_event_starts_the_time_anew() -> None:
    again = event("usage", 200, "a", 200)
    assert kept(SPEC, story(460, event("usage", 1, "a", 1), LEFT, again)) == {"a"}
    assert kept(SPEC, story(500, event("usage", 1, "a", 1), LEFT, again)) == set()


def test_a_return_keeps_and_a_second_end_forgets() -> None:
    back = event("outcomes", 250, "a", 250, kind="return")
    first = event("usage", 1, "a", 1)
    assert kept(SPEC, story(900, first, LEFT, back)) == {"a"}
    end = event("outcomes", 400, "a", 400, kind="leave")
    assert kept(SPEC, story(660, first, LEFT, back, end)) == {"a"}
    assert kept(SPEC, story(700, first, LEFT, back, end)) == set()


def test_a_known_return_ahead_keeps() -> None:
    ahead = event("outcomes", 295, "a", 304, kind="return")
    assert kept(SPEC, story(400, event("usage", 1, "a", 1), LEFT, ahead)) == {"a"}


def test_a_cut_that_waits_for_its_label_keeps() -> None:
    slow = replace(SPEC, labels=replace(SPEC.labels, sources=("usage",)))
    items = [event("usage", 1, "a", 1), event("outcomes", 62, "a", 62, kind="churn")]
    assert "a" in kept(slow, story(900, *items))
    # usage goes on: the cuts mature, and are forgotten with the user
    release = event("usage", 900, "b", 900)
    assert kept(slow, story(960, *items, release)) == {"b"}


def test_who_was_forgotten_is_scored_again_from_the_return_on() -> None:
    """Before anything else is heard of the user; the quiet week behind it is no reason to wait."""
    back = event("outcomes", 401, "a", 401, kind="return")
    items = story(460, event("usage", 1, "a", 1), LEFT, back)
    assert kept(SPEC, items) == {"a"}
    worker = Worker(SPEC, topics(SPEC, items)).run()
    scored = {parse_time(one["time"]) for one in worker.scores().values() if one["user"] == "a"}
    assert min(time for time in scored if time > LEFT.stamp) == at(420)


def test_who_comes_back_after_that_is_a_new_user() -> None:
    first, again = event("usage", 1, "a", 1), event("usage", 400, "a", 400)
    back = event("outcomes", 401, "a", 401, kind="return")
    worker = Worker(SPEC, topics(SPEC, story(430, first, LEFT, again, back))).run()
    assert worker.vector("a", again.stamp + 30 * S, [again.stamp] * 3)[0][-2] == 30
