"""Faults: records are withheld, delayed and let through again; none is lost or made up."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.times import DAY, HOUR
from streams.demo.faults import Faults, FaultSpan
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.world import Habits

CUT, RESTORED, END = START + 3 * DAY, START + 8 * DAY, START + 12 * DAY


def simulator() -> Simulator:
    return Simulator(2, Habits(users=80))


@pytest.fixture(scope="module")
def undisturbed():
    return simulator().advance(END)


@pytest.fixture(scope="module")
def disturbed():
    sim = simulator()
    before = sim.advance(CUT)
    sim.faults.cut("usage")
    during = sim.advance(RESTORED)
    sim.faults.restore("usage")
    return sim, before, during, sim.advance(END)


def content(records):
    return Counter((r.source, r.user, r.at, r.value) for r in records)


def test_nothing_of_a_cut_source_arrives(disturbed):
    _, _, during, _ = disturbed
    assert {r.source for r in during} == {"billing", "support", "outcomes"}


def test_the_backlog_lands_in_event_order_when_restored(disturbed):
    *_, after = disturbed
    assert after[0].source == "usage"
    landed = [r for r in after if r.source == "usage" and r.at < RESTORED - 2 * HOUR]
    assert len(landed) > 300
    assert {r.arrival for r in landed} == {RESTORED}
    newest = 0
    for record in landed:
        assert record.at > newest - 2 * HOUR
        newest = max(newest, record.at)


def test_a_cut_loses_and_invents_nothing(undisturbed, disturbed):
    _, before, during, after = disturbed
    assert content([*before, *during, *after]) == content(undisturbed)
    arrivals = [r.arrival for r in (*before, *during, *after)]
    assert arrivals == sorted(arrivals)


def test_the_span_of_the_cut_is_written_down_in_simulated_time(disturbed):
    sim, *_ = disturbed
    assert sim.spans == [FaultSpan("usage", CUT, RESTORED)]
    assert sim.cut == frozenset()


def test_heartbeats_of_a_cut_source_are_not_sent_later():
    sim = simulator()
    sim.faults.cut("billing")
    assert all(r.source != "billing" for r in sim.advance(CUT))
    sim.faults.restore("billing")
    after = [r for r in sim.advance(CUT + DAY) if r.source == "billing"]
    first_beat = next(i for i, r in enumerate(after) if r.user is None)
    assert all(r.at <= CUT for r in after[:first_beat]), "the backlog comes before a heartbeat"
    assert sum(r.user is None for r in after) == 24


def test_a_delay_holds_records_back_by_as_much(undisturbed):
    sim = simulator()
    sim.faults.delay("support", 10 * HOUR)
    delayed = [r for r in sim.advance(END) if r.source == "support" and r.user]
    usual = [r for r in undisturbed if r.source == "support" and r.user]
    assert len(delayed) > 20
    arrival = {r.value: r.arrival for r in usual}
    assert all(r.arrival == arrival[r.value] + 10 * HOUR for r in delayed)


def test_unknown_sources_and_negative_delays_are_refused():
    faults = Faults()
    with pytest.raises(ValueError, match="choose one of usage, billing, support"):
        faults.cut("outcomes")
    with pytest.raises(ValueError, match="0 or more"):
        faults.delay("usage", -1)
