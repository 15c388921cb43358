"""A cut is worked off in slices between batches; nobody can tell afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.engine import sweeps, unit
from models.engine.requests import Effects
from models.spec import PopulationSpec, Spec
from tests.models.engine.harness import Worker
from tests.models.engine.story import EAGER, SPEC, Item, S, at, beat, event, micros, topics


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 1)


def scored(worker: Worker, time: float) -> set[str]:
    """Users scored by the schedule at a time."""
    scores = [s for s in worker.scores().values() if s["cause"] == "schedule"]
    return {s["user"] for s in scores if micros(s["time"]) == at(time)}


def both_ways(spec: Spec, items: list[Item]) -> Worker:
    """One record at a time: with the sweep worked off before the next one, and in between."""
    calm, busy = (Worker(spec, topics(spec, items)) for _ in range(2))
    for worker, drain in ((calm, True), (busy, False)):
        for source, topic in enumerate(worker.topics):
            worker.push(source, len(topic))
        worker.work(1, drain=drain)
        worker.drive(worker.engine.drain(worker.now))
    assert calm.scores() == busy.scores()
    assert calm.examples() == busy.examples()
    return busy


USERS = [event("usage", 1 + i / 10, user, 1 + i / 10) for i, user in enumerate("abcdef")]


def test_events_during_a_sweep_change_no_score_of_its_cut() -> None:
    after = [event("usage", 20.5 + i / 10, user, 19, n=9) for i, user in enumerate("fedcba")]
    worker = both_ways(SPEC, [*USERS, *after, beat("billing", 30)])
    assert scored(worker, 20) == set("abcdef")


def test_who_is_first_heard_of_after_the_cut_is_not_scored_there() -> None:
    """Whatever the event time: the cut comes after all records with arrival up to it."""
    late = [event("usage", 20.5, "x", 11), event("usage", 20.6, "0", 11)]
    worker = both_ways(SPEC, [*USERS, *late, beat("billing", 50)])
    assert scored(worker, 20) == set("abcdef")
    assert scored(worker, 40) == set("abcdef0x")


def test_who_comes_back_after_the_cut_is_not_scored_there() -> None:
    ends = [event("outcomes", 10, user, 10, kind="churn") for user in "ae"]
    returns = [event("outcomes", 20.5, user, 15, kind="return") for user in "ea"]
    worker = both_ways(SPEC, [*USERS, *ends, *returns, beat("billing", 50)])
    assert scored(worker, 20) == set("bcdf")
    assert scored(worker, 40) == set("abcdef")


def test_who_leaves_after_the_cut_is_still_scored_there() -> None:
    ends = [event("outcomes", 20.5, user, 15, kind="churn") for user in "ea"]
    worker = both_ways(SPEC, [*USERS, *ends, beat("billing", 50)])
    assert scored(worker, 20) == set("abcdef")
    assert scored(worker, 40) == set("bcdf")


def test_who_wakes_after_the_cut_is_not_scored_there() -> None:
    spec = replace(SPEC, population=PopulationSpec(inactivity=25 * S))
    asleep = [event("usage", 1, user, -10) for user in "abc"]
    wake = [event("usage", 20.5, user, 18) for user in "ca"]
    worker = both_ways(spec, [*asleep, *wake, beat("billing", 50)])
    assert scored(worker, 20) == set()
    assert scored(worker, 40) == set("ac")


def test_watermarks_are_those_at_the_cut() -> None:
    after = [event("usage", 20.5 + i / 10, user, 20 + i) for i, user in enumerate("fedcba")]
    worker = both_ways(SPEC, [*USERS, *after, beat("billing", 39)])
    usage = {s["sources"]["usage"]["staleness_s"] for s in worker.scores().values()}
    assert usage == {23.5}  # 20 - (1.5 - 5)


def test_the_next_cut_waits_until_the_sweep_is_done() -> None:
    items = [*USERS, beat("billing", 20.5), beat("billing", 90)]
    worker = both_ways(EAGER, items)
    for cut in (20, 40, 60):
        assert scored(worker, cut) == set("abcdef")
    order = [s["time"] for s in worker.sent("scores") if s["cause"] == "schedule"]
    assert order == sorted(order)


def test_quiet_users_are_scored_at_every_cut() -> None:
    worker = both_ways(SPEC, [USERS[0], *(beat("billing", t) for t in range(5, 400, 30))])
    times = [s for s in worker.sent("scores") if s["user"] == "a"]
    assert len(times) == len({s["id"] for s in times}) == 19
    assert times[-1]["sources"]["usage"]["health"] == "stalled"


def test_a_sweep_goes_on_where_a_restart_left_it() -> None:
    after = [event("usage", 20.5 + i / 10, user, 20) for i, user in enumerate("abcdef")]
    items = [*USERS, *after]
    whole = Worker(SPEC, topics(SPEC, items)).run()
    worker = Worker(SPEC, topics(SPEC, items))
    worker.push(0, len(items))
    worker.work(7)
    assert worker.engine.state.sweep is not None
    for _ in range(4):
        worker.restart()
        sweep = worker.engine.state.sweep
        assert sweep is not None
        worker.drive(worker.engine.sweeps.slice())
    worker.restart()
    worker.push(0, 9)
    worker.work()
    worker.drive(worker.engine.drain(worker.now))
    assert worker.scores() == whole.scores()
    assert len(worker.sent("scores")) == len(whole.sent("scores"))


class Watched(Worker):
    """Notes how many scores each commit carries."""

    def commit(self, effects: Effects) -> None:
        self.__dict__.setdefault("carried", []).append(
            sum(output.topic == "scores" for output in effects.outputs)
        )
        super().commit(effects)


def test_a_commit_gathers_slices_until_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 2)
    monkeypatch.setattr(unit, "ENOUGH", 3)
    worker = Watched(SPEC, topics(SPEC, [*USERS, beat("billing", 30)]))
    worker.run()
    assert scored(worker, 20) == set("abcdef")
    assert [n for n in worker.__dict__["carried"] if n] == [4, 2]
