"""After rejected data is taken out, the state is that of a run that never saw them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import rebuilding, sweeps
from models.engine.corrupt import excluded_of
from models.features.vector import features
from models.spec import Spec
from schemas.murmur2 import partition_of
from schemas.verdicts import VERDICT_HEADER, Verdict, encode_verdict
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.portrait import portrait
from tests.models.engine.story import (
    EAGER,
    EVENTS_ONLY,
    SILENT,
    SPEC,
    START,
    Item,
    S,
    at,
    beat,
    event,
    topics,
)

SPECS = {"scheduled": SPEC, "eager": EAGER, "silent": SILENT, "events-only": EVENTS_ONLY}
ORDER = ("usage", "billing", "outcomes")
UNREADABLE = b"{"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 2)
    monkeypatch.setattr(rebuilding, "GROUP", 2)


def verdict(source: str, stamp: int, action: Any, begin: int, until: int, **more: Any) -> Item:
    """A verdict about a source, in its own topic."""
    said = Verdict(f"{action}-{stamp}-{begin}-{until}", source, action, begin, until, **more)
    return Item(source, stamp, raw=encode_verdict(said), headers=((VERDICT_HEADER, b""),))


def unread(item: Item) -> Item:
    """Something that is only rejected, in the place of a record."""
    return replace(item, raw=UNREADABLE, headers=(), beat=False)


@st.composite
def with_fault(draw: st.DrawFn) -> tuple[list[Item], list[Item]]:
    """A history in which a stretch is rejected, and the same without it ever having come."""
    items = draw(histories())
    source = draw(st.sampled_from(["usage", "usage", "billing", "outcomes"]))
    place = draw(st.integers(len(items) // 2, len(items) - 1))
    latest = (items[place].stamp - START) // S
    begin = at(draw(st.integers(-20, latest)))
    until = begin + draw(st.integers(1, 80)) * S
    if draw(st.booleans()):
        begin, until = begin // (10 * S) * 10 * S, -(-until // (10 * S)) * 10 * S
    stamp = items[place].stamp
    told = [
        verdict(source, stamp, action, begin, until) for action in ("corrupt", "reject", "reject")
    ]
    saw = sorted(
        [*items[:place], *told, *items[place:]], key=lambda i: (i.stamp, ORDER.index(i.source))
    )
    first = min(saw.index(one) for one in told)
    never = [
        unread(one) if one in told or (n < first and is_wrong(one, source, begin, until)) else one
        for n, one in enumerate(saw)
    ]
    return saw, never


def is_wrong(item: Item, source: str, begin: int, until: int) -> bool:
    inside = item.time is not None and begin < item.time <= until
    return item.source == source and inside and not item.beat and item.raw is None


def state(worker: Worker) -> dict[str, Any]:
    """What is durable, but for what was said meanwhile."""
    found = portrait(worker)
    users = {
        name: {k: v for k, v in user.items() if k not in ("pending", "last_score")}
        for name, user in found["users"].items()
    }
    progress = [source["progress"] for source in found["partition"]["sources"]]
    return {"users": users, "at_risk": found["at_risk"], "progress": progress}


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(6)
@given(with_fault())
def test_the_state_is_that_of_a_run_that_never_saw_the_fault(
    spec: Spec, drawn: tuple[list[Item], list[Item]]
) -> None:
    saw, never = (Worker(spec, topics(spec, items)).run() for items in drawn)
    intervals = [one for source in saw.engine.state.sources for one in source.corrupt.known]
    assert [one.state for one in intervals] == ["repaired"]
    assert state(saw) == state(never)


@pytest.mark.parametrize("spec", [SPEC, EAGER], ids=["scheduled", "eager"])
@examples(2)
@given(with_fault(), st.integers(0, 2**32), st.sampled_from([0.0, 0.3]))
def test_cuts_and_crashes_change_nothing(
    spec: Spec, drawn: tuple[list[Item], list[Item]], seed: int, crash: float
) -> None:
    items = drawn[0]
    whole = Worker(spec, topics(spec, items)).run()
    pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(seed), crash=crash)
    assert whole.scores() == pieces.scores()
    assert whole.examples() == pieces.examples()
    assert portrait(whole) == portrait(pieces)


WRONG = [event("usage", 100 + n, "a", 100 + n, n=500 + n, id=f"w{n}") for n in range(9)]
RIGHT = [event("usage", 50, "a", 50, n=3), event("usage", 125, "b", 125, n=4)]


def reject(stamp: float, begin: float, until: float, source: str = "usage") -> list[Item]:
    told = at(stamp), at(begin), at(until)
    return [verdict(source, told[0], action, *told[1:]) for action in ("corrupt", "reject")]


def features_of(worker: Worker, user: str, time: float) -> dict[str, float]:
    vector, _ = worker.vector(user, at(time), [at(time)] * 3)
    return dict(zip([f.name for f in worker.spec.features], vector, strict=True))


def test_last_and_lifetime_values_come_back() -> None:
    late = [beat("billing", 131), beat("billing", 200)]
    items = [RIGHT[0], *WRONG, RIGHT[1], *reject(130, 99, 110), *late]
    worker = Worker(SPEC, topics(SPEC, items)).run()
    found = features_of(worker, "a", 130)
    assert (found["last"], found["last_seen"], found["first_seen"]) == (3, 80, 80)
    assert found["sum"] == 0
    assert found["count"] == 0


def test_a_user_who_was_there_only_by_wrong_events_is_gone() -> None:
    items = [RIGHT[1], *WRONG, *reject(130, 99, 110), beat("billing", 131)]
    worker = Worker(SPEC, topics(SPEC, items)).run()
    assert set(worker.store.users) == set(worker.store.at_risk) == {"b"}


@pytest.mark.parametrize("wait", [0, 1])
def test_a_user_who_is_gone_begins_anew_in_the_same_batch(wait: int) -> None:
    anew = event("usage", 0.004 + wait, "a", 0.004, n=1, id="1")
    wrong = event("usage", 0.004, "a", 0.004, n=0, id="0")
    items = [wrong, *reject(0.004, -3, 5), anew, beat("billing", 60)]
    worker = Worker(SPEC, topics(SPEC, items)).run()
    assert features_of(worker, "a", 20)["count"] == 1
    assert set(worker.store.at_risk) == {"a"}


def test_corrected_data_that_come_later_count() -> None:
    again = [event("usage", 140, "a", 105, n=7, id="w5"), beat("billing", 141)]
    spec = replace(
        SPEC, sources=(replace(SPEC.sources[0], allowed_lateness=900 * S), *SPEC.sources[1:])
    )
    once = [*RIGHT[:1], *WRONG, RIGHT[1], *reject(130, 99, 110), *again]
    other = [event("usage", 150, "b", 141, n=900, id="x"), *reject(160, 140, 142)]
    for items in (once, [*once, *other]):
        worker = Worker(spec, topics(spec, items)).run()
        assert features_of(worker, "a", 129)["last"] == 7


def repaired(spec: Spec, items: list[Item], wrong: Sequence[Item], partitions: int = 1) -> Worker:
    """A run, in the state of one that never saw what is wrong."""
    never = [unread(item) if item in wrong or item.headers else item for item in items]
    told, plain = (
        Worker(spec, topics(spec, chosen), partitions=partitions).run() for chosen in (items, never)
    )
    assert state(told) == state(plain)
    return told


def test_records_of_another_partition_move_no_watermark() -> None:
    assert [partition_of(user, 2) for user in (b"u4", b"u5")] == [0, 1]
    astray, wrong = event("usage", 99, "u5", 500), event("usage", 100, "u4", 100)
    items = [astray, wrong, *reject(121, 99, 101), event("usage", 125, "u4", 125)]
    worker = repaired(replace(SPEC, max_future=3600 * S), items, [wrong], partitions=2)
    assert worker.engine.state.sources[0].progress.last_data == at(125)


def test_what_counts_since_one_rejection_is_taken_out_by_the_next() -> None:
    """It was too late the first time, because of the wrong event that was rejected first."""
    ahead, late = event("usage", 130, "b", 135, n=1), event("usage", 131, "a", 95, n=7)
    items, end = [RIGHT[0], ahead, late, *reject(140, 134, 136)], beat("billing", 200)
    once = repaired(SPEC, [*items, end], [ahead])
    assert features_of(once, "a", 129)["last"] == 7
    twice = repaired(SPEC, [*items, *reject(150, 94, 96), end], [ahead, late])
    assert features_of(twice, "a", 129)["last"] == 3


@pytest.mark.parametrize(("labelled", "age"), [(1, 940), (500, 65)])
def test_who_has_left_is_kept_for_as_long_as_a_cut_waits(labelled: float, age: float) -> None:
    """As the first time: while its label is unknown. Who comes back behind that begins anew."""
    outcomes = replace(SPEC.sources[2], completeness="heartbeat", max_delay=0)
    learning = replace(SPEC.learning, example_every=20 * S)
    spec = replace(SPEC, sources=(*SPEC.sources[:2], outcomes), learning=learning)
    wrong, left = event("usage", 56, "a", 56), event("outcomes", 62, "a", 62, kind="churn")
    items = [event("usage", 30, "a", 30), wrong, left, event("usage", 905, "a", 905)]
    items += [beat("outcomes", labelled), *reject(901, 55, 57)]
    items += [beat("billing", 400), beat("billing", 970)]
    worker = repaired(spec, sorted(items, key=lambda item: item.stamp), [wrong])
    assert features_of(worker, "a", 970)["first_seen"] == age


def test_where_the_topic_begins_later_it_stays_rejected_and_left_out() -> None:
    items = [RIGHT[0], *WRONG, RIGHT[1], *reject(130, 99, 110), beat("billing", 200)]
    worker = Worker(SPEC, topics(SPEC, items), first=1).run()
    interval = worker.engine.state.sources[0].corrupt.known[0]
    assert (interval.state, interval.through) == ("rejected", 11)
    scores = [s for s in worker.scores().values() if s["user"] == "a"]
    usage = scores[-1]["sources"]["usage"]
    assert usage["treatment"] == "remaining"
    assert 0 < usage["coverage"] < 1
    assert all("coverage" not in one["sources"]["billing"] for one in scores)


@pytest.mark.parametrize("windows", ["mask", "remaining"])
def test_where_it_stays_rejected_corrected_data_are_left_out_with_it(windows: Any) -> None:
    usage = replace(
        SPEC.sources[0], allowed_lateness=900 * S, corrupt_windows=windows, coverage=0.1
    )
    spec = replace(SPEC, sources=(usage, *SPEC.sources[1:]))
    before = [RIGHT[0], event("usage", 60, "b", 60, n=2)]
    items = [*before, *WRONG, RIGHT[1], *reject(130, 99, 110)]
    again = [event("usage", 140, "b", 105, n=7, id="new"), beat("billing", 142)]
    for first, counts in ((1, False), (0, True)):
        without, given = (
            Worker(spec, topics(spec, [*items, *more]), first=first).run()
            for more in (again[1:], again)
        )
        assert given.engine.state.sources[0].late == 0
        told = [[as_scored(one, "b", t) for t in (110, 129, 160)] for one in (without, given)]
        assert (told[0] != told[1]) is counts


def as_scored(worker: Worker, user: str, time: float) -> list[str]:
    """Windows of usage, and its last value, as a score would have them."""
    slab, times = worker.engine.slab, np.array([at(time)])
    as_of, excluded = np.repeat(times[:, None], 3, axis=1), excluded_of(worker.engine.state)
    matrix, _ = features(slab, slab.row_of([user]), times, as_of, excluded)
    told = zip(worker.spec.features, matrix[0].tolist(), strict=True)
    return [str(value) for feature, value in told if feature.source == "usage"]


def test_accepted_data_count_again() -> None:
    marked = verdict("usage", at(120), "corrupt", at(99), at(110))
    accepted = verdict("usage", at(130), "accept", at(99), at(110))
    items = [RIGHT[0], *WRONG, RIGHT[1], marked, accepted, beat("billing", 200)]
    plain = [*items[:-3], unread(marked), unread(accepted), items[-1]]
    one, other = (Worker(SPEC, topics(SPEC, chosen)).run() for chosen in (items, plain))
    assert state(one) == state(other)
    assert asdict(one.engine.state.sources[0].corrupt.known[0])["state"] == "accepted"


def test_waiting_cuts_stay_and_say_what_was_wrong() -> None:
    items = [RIGHT[0], *WRONG, RIGHT[1], *reject(130, 99, 110), beat("billing", 131)]
    spec = replace(SPEC, learning=replace(SPEC.learning, example_every=20 * S))
    worker = Worker(spec, topics(spec, [*items, beat("billing", 500)])).run()
    wrong = {e["time"]: e["corrupt"] for e in worker.examples().values() if e["user"] == "a"}
    assert {time for time, sources in wrong.items() if sources} == {at(100), at(120)}
    assert wrong[at(120)] == ["usage"]
    assert {at(60), at(140), at(160)} <= set(wrong)


def test_cuts_of_who_never_was_wait_no_more() -> None:
    spec = replace(SPEC, learning=replace(SPEC.learning, example_every=20 * S))
    items = [*WRONG, RIGHT[1], *reject(130, 99, 110), beat("billing", 500)]
    worker = Worker(spec, topics(spec, items)).run()
    assert {score["user"] for score in worker.scores().values()} == {"a", "b"}
    assert {example["user"] for example in worker.examples().values()} == {"b"}
    assert "a" not in worker.store.pending


def test_what_is_left_out_but_not_decided_is_not_learned_from() -> None:
    marked = verdict("usage", at(130), "corrupt", at(99), at(110))
    items = [RIGHT[0], *WRONG, RIGHT[1], marked, event("usage", 179, "a", 179, n=3)]
    windows = tuple(f for f in SPEC.features if f.name in ("count", "sum"))
    learning = replace(SPEC.learning, example_every=20 * S)
    spec = replace(SPEC, learning=learning, features=windows)
    worker = Worker(spec, topics(spec, [*items, beat("billing", 500)])).run()
    wrong = {e["time"]: e["corrupt"] for e in worker.examples().values() if e["user"] == "a"}
    assert wrong[at(60)] == []
    assert wrong[at(140)] == wrong[at(160)] == ["usage"]
    assert wrong[at(180)] == []  # the windows of 60 s have passed the interval
