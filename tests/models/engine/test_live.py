"""The live clock: moved without records; after downtime only so much is made up for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.spec import Spec
from tests.models.engine.harness import Worker
from tests.models.engine.story import SPEC, START, S, at, event, micros, topics

LIVE = replace(SPEC, clock="live")
FIRST = [event("usage", 1, "a", 1), event("usage", 2, "b", 2)]


def worker_at(now: float, spec: Spec = LIVE) -> Worker:
    worker = Worker(spec, topics(spec, FIRST), now=at(now))
    return worker.run()


def tick(worker: Worker, now: float) -> None:
    worker.now = at(now)
    worker.drive(worker.engine.move_clock(at(now), at(now)))
    worker.drive(worker.engine.drain(at(now)))


def cuts(worker: Worker) -> list[float]:
    times = {micros(s["time"]) for s in worker.sent("scores")}
    return sorted((time - START) / S for time in times if time is not None)


def test_quiet_users_are_scored_when_nothing_comes_at_all() -> None:
    worker = worker_at(3)
    for now in range(4, 85):
        tick(worker, now)
    assert cuts(worker) == [20, 40, 60, 80]
    assert {s["user"] for s in worker.sent("scores")} == {"a", "b"}


def test_a_point_is_crossed_only_when_the_clock_has_passed_it() -> None:
    """A record that arrives at T belongs before the cut at T."""
    worker = worker_at(3)
    tick(worker, 20)
    assert cuts(worker) == []
    tick(worker, 20.000001)
    assert cuts(worker) == [20]


def test_the_clock_never_goes_back() -> None:
    worker = worker_at(3)
    tick(worker, 25)
    tick(worker, 22)
    assert worker.engine.state.clock == at(25)


@pytest.mark.parametrize(
    ("catch_up", "made", "skipped"),
    [(1, [100], 4), (2, [80, 100], 3), (99, [20, 40, 60, 80, 100], 0)],
)
def test_after_downtime_the_newest_cuts_are_made_up_for_and_the_others_counted(
    catch_up: int, made: list[float], skipped: int
) -> None:
    spec = replace(LIVE, scoring=replace(LIVE.scoring, max_catch_up=catch_up))
    worker = worker_at(3, spec)
    worker.restart()
    tick(worker, 105)
    assert cuts(worker) == made
    assert worker.engine.state.skipped_cuts == skipped


def test_a_backlog_is_caught_up_with_as_sparingly() -> None:
    late = [*FIRST, event("usage", 90, "a", 89)]
    worker = Worker(LIVE, topics(LIVE, late), now=at(95)).run()
    assert cuts(worker) == [80]
    assert worker.engine.state.skipped_cuts == 3


def test_history_on_the_arrival_clock_skips_nothing_whatever_the_wall_clock() -> None:
    late = [*FIRST, event("usage", 90, "a", 89)]
    worker = Worker(SPEC, topics(SPEC, late), now=at(10**6)).run()
    assert cuts(worker) == [20, 40, 60, 80]
    assert worker.engine.state.skipped_cuts == 0


def test_epochs_end_although_their_cuts_were_skipped() -> None:
    worker = worker_at(3)
    tick(worker, 105)
    markers = [(x["epoch"] - START) / S for x in worker.sent("examples") if "kind" in x]
    assert [m for m in markers if m in (30, 60, 90)] == [30, 60, 90]


def test_a_record_below_the_moved_clock_is_applied_and_counted() -> None:
    worker = worker_at(3)
    tick(worker, 25)
    worker.topics[0] += topics(LIVE, [event("usage", 19, "c", 19)])[0]
    worker.topics[0][-1] = replace(worker.topics[0][-1], offset=2)
    worker.run()
    assert worker.engine.state.sources[0].disordered == 1
    assert worker.engine.state.clock == at(25)
    tick(worker, 41)
    assert cuts(worker) == [20, 40]
    assert "c" in {s["user"] for s in worker.sent("scores") if micros(s["time"]) == at(40)}
    assert "c" not in {s["user"] for s in worker.sent("scores") if micros(s["time"]) == at(20)}
