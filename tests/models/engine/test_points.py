"""Points of time: cuts, ends of epochs, activations, and cuts that come too late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.engine.points import ACTIVATION, CHECK, CUT, EPOCH, Point, Points
from models.engine.state import PartitionState, SourceState
from models.spec import HealthSpec, Spec
from tests.models.engine.story import EAGER, SPEC, S, at


def points(spec: Spec, clock: float) -> tuple[Points, PartitionState]:
    state = PartitionState([SourceState() for _ in spec.sources])
    made = Points(spec, state)
    made.start(at(clock))
    return made, state


def crossed(spec: Spec, clock: float, until: float) -> list[tuple[float, int]]:
    made, state = points(spec, clock)
    found = []
    while (point := made.next()).time <= at(until):
        found.append(((point.time - at(0)) / S, point.kind))
        state.clock = point.time
        made.passed(point)
    return found


def test_cuts_and_epochs_come_in_time_order_and_an_epoch_ends_before_a_cut_is_scored() -> None:
    found = [(time, kind) for time, kind in crossed(SPEC, 3, 60) if kind != CHECK]
    assert found == [(20, CUT), (30, EPOCH), (40, CUT), (60, EPOCH), (60, CUT)]


def test_the_first_points_are_not_before_the_first_record() -> None:
    assert crossed(SPEC, 20, 30) == [(20, CUT), (25, CHECK), (30, EPOCH)]
    assert crossed(SPEC, 25.001, 30) == [(30, EPOCH)]


def test_a_snapshot_comes_into_force_at_its_valid_from_where_events_are_scored() -> None:
    last = 1e-6
    found = [time for time, kind in crossed(EAGER, 0, 100) if kind == ACTIVATION]
    assert found == pytest.approx([5 - last, 35 - last, 65 - last, 95 - last])


def test_the_sources_are_checked_on_a_grid_before_anything_else_happens() -> None:
    spec = replace(SPEC, health=HealthSpec(every=15 * S))
    found = crossed(spec, 3, 30)
    assert found == [(15, CHECK), (20, CUT), (30, CHECK), (30, EPOCH)]


def test_a_partition_whose_record_is_from_before_the_checks_begins_with_the_next() -> None:
    made, state = points(SPEC, 3)
    state.next_check = None
    made.start(at(90))
    assert (state.next_check, state.next_cut) == (at(100), at(20))


def test_a_start_does_not_move_the_cursors_of_a_known_partition() -> None:
    made, state = points(SPEC, 3)
    made.start(at(90))
    assert made.next() == Point(at(20), CUT)
    assert state.clock == at(3)


@pytest.mark.parametrize(
    ("time", "epoch"), [(34.9, None), (35, 30), (64.999999, 30), (65, 60), (100, 90)]
)
def test_the_epoch_in_force_was_closed_here(time: float, epoch: float | None) -> None:
    made, _ = points(SPEC, 3)
    assert made.epoch_in_force(at(time)) == (None if epoch is None else at(epoch))


@pytest.mark.parametrize(
    ("behind", "catch_up", "missed"),
    [(19.999, 1, False), (20, 1, True), (39.999, 2, False), (40, 2, True), (-5, 1, False)],
)
def test_live_only_the_newest_cuts_are_made_up_for(
    behind: float, catch_up: int, missed: bool
) -> None:
    scoring = replace(SPEC.scoring, max_catch_up=catch_up)
    live = replace(SPEC, clock="live", scoring=scoring)
    assert points(live, 3)[0].missed(at(40), at(40 + behind)) is missed
    assert not points(replace(live, clock="arrival"), 3)[0].missed(at(40), at(40 + behind))
