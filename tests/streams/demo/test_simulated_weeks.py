"""Weeks of the simulator: in order, and people churn for reasons that the events show."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import orjson
import pytest

from schemas.times import DAY, HOUR
from streams.demo.metrics import auc
from streams.demo.payloads import SOURCES, user_id
from streams.demo.simtime import START
from streams.demo.simulator import DELAYS, Simulator

pytestmark = pytest.mark.slow

DAYS = 35
HORIZON = 7 * DAY


@pytest.fixture(scope="module")
def lived():
    """Weeks of the product as it is in the demo, and everything that was sent."""
    simulator = Simulator(seed=3)
    return simulator, simulator.advance(START + DAYS * DAY)


def test_records_come_by_arrival_and_never_from_the_future(lived):
    _, records = lived
    arrivals = [r.arrival for r in records]
    assert arrivals == sorted(arrivals)
    assert all(START <= r.arrival < START + DAYS * DAY for r in records)
    assert all(r.at <= r.arrival for r in records)
    for source in SOURCES:
        longest = max(r.arrival - r.at for r in records if r.source == source and r.user)
        assert 0 < longest <= DELAYS[source].most


def test_heartbeats_claim_no_more_than_what_has_arrived(lived):
    _, records = lived
    for source in ("billing", "support"):
        complete = 0
        beats = 0
        for record in (r for r in records if r.source == source):
            if record.user is None:
                complete, beats = record.at, beats + 1
            else:
                assert record.at >= complete
        assert beats == DAYS * 24


def test_size_suits_a_demo(lived):
    simulator, records = lived
    assert 500 < np.count_nonzero(simulator.world.active) < 650
    assert 1_000 < len(records) / DAYS < 3_000
    assert 3 < simulator.truth.cancellations / DAYS < 12
    assert simulator.world.users > 800, "new users join"


def test_event_ids_are_unique(lived):
    _, records = lived
    ids = Counter(
        orjson.loads(r.value).get("id") or orjson.loads(r.value)["event"].get("uid")
        for r in records
        if r.user and not r.damage
    )
    assert max(ids.values()) == 1
    assert None not in ids


def labelled_cuts(simulator):
    cuts = range(START + 7 * DAY, START + DAYS * DAY - HORIZON, DAY)
    for cut in cuts:
        for row in range(simulator.world.users):
            chance = simulator.truth.chance(user_id(row), cut)
            if chance is not None:
                churned = simulator.truth.churned(user_id(row), cut, HORIZON)
                yield cut, user_id(row), chance, churned


def test_the_oracle_predicts_who_cancels(lived):
    simulator, _ = lived
    rows = list(labelled_cuts(simulator))
    churned = np.array([r[3] for r in rows])
    assert 0.04 < churned.mean() < 0.1
    assert auc(np.array([r[2] for r in rows]), churned) > 0.78


def test_the_oracle_is_calibrated(lived):
    simulator, _ = lived
    rows = list(labelled_cuts(simulator))
    chances, churned = np.array([r[2] for r in rows]), np.array([r[3] for r in rows])
    for lowest, highest in ((0.0, 0.05), (0.05, 0.3), (0.3, 1.0)):
        these = (chances > lowest) & (chances <= highest)
        assert chances[these].mean() == pytest.approx(churned[these].mean(), rel=0.3)


def test_events_alone_show_who_will_cancel(lived):
    """Each of the three reasons, read from the records only, is better than chance."""
    simulator, records = lived
    sessions, failed, angry = defaultdict(list), defaultdict(list), defaultdict(list)
    for record in records:
        if record.user is None or record.damage:
            continue
        value = orjson.loads(record.value)
        if record.source == "usage":
            sessions[record.user].append(record.at)
        elif value.get("type") == "payment_failed":
            failed[record.user].append(record.at)
        elif record.source == "support" and value["ticket"]["tone"] == "angry":
            angry[record.user].append(record.at)

    def within(times, cut, days):
        return sum(cut - days * DAY < t <= cut for t in times)

    rows = list(labelled_cuts(simulator))
    churned = np.array([r[3] for r in rows])
    quiet = np.array([-within(sessions[user], cut, 7) for cut, user, *_ in rows], float)
    unpaid = np.array([within(failed[user], cut, 3) for cut, user, *_ in rows], float)
    upset = np.array([within(angry[user], cut, 5) for cut, user, *_ in rows], float)
    assert auc(quiet, churned) > 0.6
    for reason in (unpaid, upset):
        assert churned[reason > 0].mean() > 1.5 * churned[reason == 0].mean()


def test_nobody_acts_after_cancelling(lived):
    _, records = lived
    gone, back = {}, {}
    for record in (r for r in records if r.source == "outcomes"):
        status = orjson.loads(record.value)["status"]
        (back if status == "reactivated" else gone).setdefault(record.user, record.at)
    assert len(gone) > 100
    assert back
    for record in records:
        if record.source == "usage" and not record.damage and record.user in gone:
            assert record.at < gone[record.user] or record.user in back


def test_damaged_records_are_noted(lived):
    simulator, records = lived
    damaged = [r for r in records if r.damage]
    assert len(damaged) == len(simulator.damaged) > 20
    assert len({r.damage for r in damaged}) == 3


def test_everybody_active_and_heard_of_is_at_risk(lived):
    simulator, _ = lived
    cut = START + 30 * DAY
    at_risk = simulator.truth.at_risk(cut)
    assert 450 < len(at_risk) < 650
    assert all(simulator.truth.chance(user, cut) is not None for user in at_risk)
    assert simulator.truth.at_risk(cut + HOUR) == frozenset(), "known at a day's beginning only"
