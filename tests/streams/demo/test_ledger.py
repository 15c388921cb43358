"""The ledger keeps what came out, judges it against the truth, and feeds every view."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from schemas.deadletters import DeadLetter
from schemas.times import DAY
from streams.demo import lines
from streams.demo.claims import Claim, judge
from streams.demo.evidence import Evidence, judge_scores
from streams.demo.ledger import KEEP_CUTS, Ledger
from streams.demo.moment import Moment
from streams.demo.page_data import page_data
from streams.demo.simtime import START
from streams.demo.terminal import picture_of, sparkline
from streams.demo.truth import Truth
from streams.watch import WatchState

HORIZON = 7 * DAY


@pytest.fixture(scope="module")
def moment(month) -> Moment:
    simulator, ledger = month.simulator, month.ledger
    return Moment(
        elapsed=40.0,
        act="restored",
        now=simulator.now,
        waiting=False,
        scored_until=ledger.scored_until,
        events=dict(simulator.events),
        cut=simulator.cut,
        spans=tuple(simulator.spans),
        health=ledger.health(),
        cancellations=simulator.truth.cancellations,
        view=ledger.view(40.0),
        histogram=tuple(ledger.histogram()),
        judged=tuple(ledger.judged),
        course=ledger.course(),
        drift=tuple(ledger.drift),
        dead={"not-json": 3},
        labels=ledger.labels,
        messages=("day 18: usage is cut",),
        ages=frozenset({"customer_for"}),
        verdict=(Claim("scores flow", True, "many"), Claim("no duplicates", False, "two [b]")),
    )


@pytest.fixture(scope="module")
def evidence(month) -> Evidence:
    simulator, ledger = month.simulator, month.ledger
    scores = ledger.scores()
    return Evidence(
        scores=tuple(scores),
        invalid=(),
        lost=0,
        dead={},
        damaged={},
        due={},
        spans=tuple(simulator.spans),
        at_risk={cut: simulator.truth.at_risk(cut) for cut in {s.time for s in scores}},
        quality=judge_scores(scores, simulator.truth, HORIZON, simulator.now),
        stale_after=DAY,
        labels=ledger.labels,
    )


def test_a_fair_worker_fulfils_the_claims(evidence):
    assert [c for c in judge(evidence) if not c.ok] == []


def test_matured_cuts_are_judged_once_and_in_order(month):
    cuts = [judged.cut for judged in month.ledger.judged]
    assert cuts == sorted(set(cuts))
    assert cuts[-1] + HORIZON <= month.simulator.now
    quality = month.ledger.judged[-1].quality
    assert quality.auc is not None
    assert quality.oracle is not None
    assert 0.6 < quality.auc < quality.oracle + 0.05
    assert quality.log_loss < quality.base_log_loss


def test_how_far_the_scores_are_is_that_of_the_slowest_partition(month):
    ledger = Ledger(WatchState("demo"), 2, Truth(), HORIZON)
    scores = iter(month_scores(month))
    ledger.take(next(scores), 0, 1.0)
    assert ledger.scored_until is None
    first = ledger.first_score
    ledger.take(next(scores), 1, 2.0)
    assert ledger.scored_until == START + DAY
    assert ledger.first_score == first == 1.0


def month_scores(month):
    for user in sorted(month.simulator.truth.at_risk(START + DAY)):
        yield month.score(user, START + DAY, 0.1, stalled=False)


def test_changes_of_health_are_kept(month):
    states = [h.health for h in month.ledger.health()["usage"]]
    assert states == ["fresh", "stalled", "fresh"]
    assert [h.health for h in month.ledger.health()["billing"]] == ["fresh"]


def test_cuts_that_show_a_fault_are_counted(month):
    assert month.ledger.cuts_with("usage", "stalled", START) == 5
    assert month.ledger.cuts_with("usage", "stalled", START + 23 * DAY) == 0


def test_a_letter_that_comes_again_is_counted_once():
    ledger = Ledger(WatchState("demo"), 1, Truth(), HORIZON)
    letter = DeadLetter("t-0-1", "demo", "usage", "t", 0, 1, "", "late", "", None, None, [], "")
    for each in (letter, letter, replace(letter, id="t-0-2")):
        ledger.take(each, 0, 1.0)
    assert ledger.dead == {"late": 2}


def test_memory_is_bounded(month):
    ledger = Ledger(WatchState("demo"), 1, Truth(), HORIZON)
    for day in range(KEEP_CUTS + 30):
        ledger.take(month.score("u-00001", START + day * DAY, 0.1, stalled=False), 0, 1.0)
    assert len(ledger.scores()) == KEEP_CUTS
    assert ledger.total == KEEP_CUTS + 30
    for _ in range(50):
        ledger.reject("no")
    assert len(ledger.invalid) == 20


def test_the_page_gets_plain_values(moment):
    data = page_data(moment)
    assert data["day"] == 30.0
    assert [s["name"] for s in data["sources"]] == ["usage", "billing", "support", "outcomes"]
    assert [s["cuttable"] for s in data["sources"]] == [True, True, True, False]
    assert data["spans"][0][0] == "usage"
    assert sum(data["histogram"]) > 130
    assert data["risks"][0]["reasons"][0][0] == "this week against the month's mean"
    assert data["risks"][0]["reasons"][2][1] == "34.7 d"
    assert data["quality"][-1][1] > 0.6


def test_progress_is_one_line(moment):
    line = lines.progress(moment)
    assert "\n" not in line
    assert "day  30.0" in line
    assert "usage fresh" in line
    assert "AUC 0.700 learning" in line
    assert "emitted (oracle 0." in line


def test_the_summary_names_what_was_seen(moment, evidence):
    text = "\n".join(lines.summary(moment, evidence, (12.3, None)))
    assert "first score  after 12.3 s, by a learned model never" in text
    assert "30 days in 40 s" in text
    assert "3 not-json" in text
    assert "chance 0.500" in text


def test_failed_claims_stand_out(moment):
    ok, failed = lines.verdict(moment.verdict)
    assert ok.split()[0] == "ok"
    assert failed.split()[0] == "FAILED"


def test_the_terminal_shows_it_all(moment):
    console = Console(width=120, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as capture:
        console.print(picture_of(moment))
    text = capture.get()
    for part in ("simulated day", "usage", "newest high risks", "1 of 2 claims", "two [b]"):
        assert part in text


def test_sparkline_of_nothing():
    assert sparkline([]) == ""
    assert sparkline([0.0, 0.0]) == "  "
