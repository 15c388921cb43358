"""A month of the demo without services: the simulator, and scores as a fair worker would write."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from schemas.drift import Prequential
from schemas.ids import stable_id
from schemas.murmur2 import partition_of
from schemas.scores import ModelRef, Reason, Score, SourceState
from schemas.sources import SourceStatus
from schemas.times import DAY, HOUR, format_time
from streams.demo.ledger import Ledger
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.world import Habits
from streams.watch import WatchState

HORIZON = 7 * DAY
CUT, RESTORED, END = START + 18 * DAY, START + 23 * DAY, START + 30 * DAY
SOURCES = ("usage", "billing", "support", "outcomes")


@dataclass(frozen=True)
class Month:
    """What a run leaves: the simulator, and the ledger of what came out."""

    simulator: Simulator
    ledger: Ledger

    @staticmethod
    def score(user: str, cut: int, probability: float, *, stalled: bool) -> Score:
        """A score as in this month."""
        return fair_score(user, cut, probability, stalled)


def fair_score(user: str, cut: int, probability: float, stalled: bool) -> Score:
    states = {name: SourceState(format_time(cut), 7200.0, "fresh", "current") for name in SOURCES}
    if stalled:
        states["usage"] = SourceState(format_time(CUT), 1e5, "stalled", "latest")
    band = "high" if probability >= 0.25 else "medium" if probability >= 0.1 else "low"
    return Score(
        id=stable_id("demo", user, cut),
        app="demo",
        user=user,
        time=format_time(cut),
        horizon_s=HORIZON // 1_000_000,
        cause="schedule",
        probability=probability,
        band=band,
        model=ModelRef("champion", 0 if cut < START + 9 * DAY else 4, format_time(cut)),
        feature_set="fs-1",
        policy="latest",
        sources=states,
        reasons=[
            Reason("sessions_trend", 0.21, 1.34, "this week against the month's mean"),
            Reason("failed_7d", 2.0, 0.81, "failed payments this week"),
            Reason("customer_for", 3e6, -0.12, "time as a customer"),
        ],
        emitted_at=format_time(cut),
    )


def status(source: str, cut: int, partition: int) -> SourceStatus:
    stalled = source == "usage" and CUT + DAY <= cut <= RESTORED
    mark = format_time(CUT if stalled else cut - 2 * HOUR)
    return SourceStatus(
        app="demo",
        source=source,
        topic=f"demo.events.{source}",
        partition=partition,
        clock=format_time(cut),
        watermark=mark,
        last_data=mark,
        staleness_s=(cut - CUT) / 1e6 if stalled else 7200.0,
        health="stalled" if stalled else "fresh",
        events=1000,
        heartbeats=3,
        late=0,
        duplicates=0,
        rejected={},
        out_of_arrival_order=0,
        emitted_at=format_time(cut),
    )


def drift(cut: int, learned: int) -> Prequential:
    return Prequential(
        app="demo",
        model="champion",
        epoch=format_time(cut),
        version=4,
        examples=100,
        positives=7,
        learned=learned,
        window=1000,
        auc=0.7,
        log_loss=0.22,
        base_log_loss=0.25,
        missing={},
        emitted_at=format_time(cut),
    )


@pytest.fixture(scope="session")
def month() -> Month:
    """Cut after 18 days, restored after 23; scores are the oracle's, with noise."""
    simulator = Simulator(4, Habits(users=160))
    watch = WatchState("demo", sources=SOURCES)
    ledger = Ledger(watch, 2, simulator.truth, HORIZON)
    rng = np.random.default_rng(0)
    for day in range(1, 31):
        cut = START + day * DAY
        if cut == CUT + DAY:
            simulator.faults.cut("usage")
        if cut == RESTORED + DAY:
            simulator.faults.restore("usage")
        simulator.advance(cut + 1)
        now = 10.0 + day
        for user in sorted(simulator.truth.at_risk(cut)):
            chance = simulator.truth.chance(user, cut)
            assert chance is not None
            odds = chance / (1 - chance) * np.exp(rng.normal(0, 0.7))
            stalled = CUT + DAY <= cut <= RESTORED
            score = fair_score(user, cut, float(odds / (1 + odds)), stalled)
            ledger.take(score, partition_of(user.encode(), 2), now)
        for source in SOURCES:
            for partition in range(2):
                ledger.take(status(source, cut, partition), 0, now)
        ledger.take(drift(cut, 40 * day), 0, now)
        ledger.judge_matured(cut)
    return Month(simulator, ledger)
