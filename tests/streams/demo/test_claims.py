"""Every claim of the demo holds for good evidence, and each fails when its own thing is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.deadletters import DeadLetter
from schemas.scores import ModelRef, Score, SourceState
from schemas.times import DAY, HOUR, format_time
from streams.demo import claims
from streams.demo.evidence import Evidence, count_dead, judge_scores, see
from streams.demo.faults import FaultSpan
from streams.demo.metrics import Quality, auc, log_loss
from streams.demo.payloads import user_id
from streams.demo.simtime import START
from streams.demo.truth import Truth
from streams.demo.world import Happening

CUT, RESTORED = START + 10 * DAY, START + 14 * DAY
DAYS, USERS = 20, 60
GOOD = Quality(5000, 400, 150, auc=0.75, oracle=0.8, log_loss=0.2, base_log_loss=0.25)


def score(user: str, time: int, **changes) -> Score:
    stalled = CUT + DAY < time < RESTORED
    fresh = SourceState(format_time(time), 1.0, "fresh", "current")
    states = {
        "usage": SourceState(format_time(CUT), 1.0, "stalled", "latest") if stalled else fresh,
        "billing": fresh,
    }
    made = Score(
        id=f"{user}@{time}",
        app="demo",
        user=user,
        time=format_time(time),
        horizon_s=604800,
        cause="schedule",
        probability=0.1,
        band="low",
        model=ModelRef("champion", 3, format_time(START)),
        feature_set="fs",
        policy="latest",
        sources=states,
        reasons=[],
        emitted_at=format_time(time),
    )
    return replace(made, **changes)


@pytest.fixture(scope="module")
def good() -> Evidence:
    cuts = [START + day * DAY for day in range(1, DAYS)]
    users = [user_id(row) for row in range(USERS)]
    return Evidence(
        scores=tuple(see(score(user, cut)) for cut in cuts for user in users),
        invalid=(),
        lost=0,
        dead={"not-json": 3},
        damaged={"not-json": 4},
        due={"not-json": 3},
        spans=(FaultSpan("usage", CUT, RESTORED),),
        at_risk={cut: frozenset(users) for cut in cuts},
        quality=GOOD,
        stale_after=DAY,
        labels=900,
    )


def failed(evidence: Evidence) -> list[str]:
    return [claim.name for claim in claims.judge(evidence) if not claim.ok]


def with_scores(evidence: Evidence, *more: Score) -> Evidence:
    return replace(evidence, scores=(*evidence.scores, *(see(s) for s in more)))


def test_good_evidence_fulfils_every_claim(good):
    judged = claims.judge(good)
    assert [c for c in judged if not c.ok] == []
    assert len({c.name for c in judged}) == len(judged) == len(claims.CLAIMS)


def test_no_scores_fail_all_that_is_said_about_scores(good):
    names = failed(replace(good, scores=(), quality=replace(GOOD, auc=None)))
    assert len(names) == len(claims.CLAIMS) - 3  # nothing lost, nothing doubled, dead letters


def test_few_scores(good):
    assert failed(replace(good, scores=good.scores[-2 * USERS :])) != []
    assert not claims.scores_flow(replace(good, scores=good.scores[: claims.LEAST_SCORES - 1])).ok


def test_a_record_that_does_not_fit_the_schema(good):
    assert failed(replace(good, invalid=("band: missing",))) == ["scores fit their schema"]


def test_a_score_that_was_not_read(good):
    assert failed(replace(good, lost=1)) == ["every score was read"]


def test_one_user_without_a_score(good):
    quiet = good.scores[5]
    fewer = tuple(s for s in good.scores if s is not quiet)
    assert failed(replace(good, scores=fewer)) == ["everyone at risk is scored"]
    assert not claims.everybody_scored(replace(good, at_risk={})).ok


def test_a_model_that_never_learns(good):
    prior = tuple(replace(s, version=0) for s in good.scores)
    assert failed(replace(good, scores=prior)) == ["the model learns"]
    assert failed(replace(good, labels=10)) == ["the model learns"]


@pytest.mark.parametrize(
    "quality",
    [
        replace(GOOD, auc=0.59),
        replace(GOOD, auc=0.5),
        replace(GOOD, auc=None),
        replace(GOOD, auc=0.65, people=8, positives=20),
    ],
)
def test_an_auc_that_could_be_chance(good, quality):
    assert failed(replace(good, quality=quality)) == ["AUC above chance"]


def test_one_score_in_the_cut_that_says_fresh(good):
    state = {"usage": ("fresh", "current"), "billing": ("fresh", "current")}
    time = START + 12 * DAY
    scores = [replace(s, states=state) if s.time == time else s for s in good.scores]
    one = next(i for i, s in enumerate(good.scores) if s.time == time)
    only = [*good.scores[:one], scores[one], *good.scores[one + 1 :]]
    for wrong in (scores, only):
        assert failed(replace(good, scores=tuple(wrong))) == ["a cut source is stalled"]


def test_stalled_but_treated_as_current(good):
    state = {"usage": ("stalled", "current")}
    scores = tuple(
        replace(s, states=state) if s.states["usage"][0] == "stalled" else s for s in good.scores
    )
    assert failed(replace(good, scores=scores)) == ["a cut source is stalled"]


def test_still_stalled_after_the_restore(good):
    state = {"usage": ("stalled", "latest")}
    scores = [replace(s, states=state) if s.time > RESTORED + DAY else s for s in good.scores]
    assert failed(replace(good, scores=tuple(scores))) == ["a restored source is fresh"]


def test_a_cut_too_short_to_be_noticed_or_none(good):
    short = FaultSpan("usage", CUT, CUT + HOUR)
    assert "a cut source is stalled" in failed(replace(good, spans=(short,)))
    assert len(failed(replace(good, spans=()))) == 2


def test_never_restored(good):
    assert failed(replace(good, spans=(FaultSpan("usage", CUT, None),)))[-1] == (
        "a restored source is fresh"
    )


def test_cut_again_after_the_restore(good):
    again = FaultSpan("usage", RESTORED + 2 * DAY + HOUR, None)
    time = START + 18 * DAY
    state = {"usage": ("stalled", "latest")}
    scores = tuple(replace(s, states=state) if s.time >= time else s for s in good.scores)
    assert failed(replace(good, scores=scores, spans=(*good.spans, again))) == []


def test_repeating_an_equal_record_is_fine(good):
    time = START + 3 * DAY
    again = replace(score(user_id(1), time), emitted_at=format_time(START))
    assert failed(with_scores(good, again)) == []


def test_the_same_id_with_another_content(good):
    other = score(user_id(1), START + 3 * DAY, probability=0.2)
    assert failed(with_scores(good, other)) == ["no duplicates beyond equal ids"]


def test_a_second_id_for_the_same_cut(good):
    other = score(user_id(1), START + 3 * DAY, id="another")
    assert failed(with_scores(good, other)) == ["no duplicates beyond equal ids"]


@pytest.mark.parametrize("dead", [{"not-json": 2}, {"not-json": 5}, {"not-json": 3, "late": 1}])
def test_dead_letters_other_than_damaged_records(good, dead):
    assert failed(replace(good, dead=dead)) == ["only damaged records are rejected"]


def test_dead_letters_count_once_for_each_id():
    empty = ("demo", "usage", "t", 0, 0, "", "not-json", "", None, None, [], "")
    letters = [DeadLetter(name, *empty) for name in ("t-0-1", "t-0-1", "t-0-2")]
    assert count_dead(letters) == {"not-json": 2}


def test_stalled_scores_are_counted(good):
    assert claims.stalled_scores(good) == USERS * 2


class TestQuality:
    """Emitted scores joined with the truth."""

    @pytest.fixture
    def truth(self) -> Truth:
        truth = Truth()
        truth.observe(START, np.array([0.5, 0.1, np.nan, 0.2]))
        truth.happened(Happening("outcomes", "cancelled", 0, START + 3 * DAY))
        truth.happened(Happening("outcomes", "transferred", 1, START + 3 * DAY))
        return truth

    def scores(self, **changes):
        risks = (0.8, 0.1, 0.3, 0.2)
        made = (score(user_id(i), START, probability=p, **changes) for i, p in enumerate(risks))
        return [see(s) for s in made]

    def test_joins_customers_whose_horizon_is_over(self, truth):
        got = judge_scores(self.scores(), truth, 7 * DAY, START + 7 * DAY)
        assert (got.rows, got.positives, got.people) == (3, 1, 1)
        assert (got.auc, got.oracle) == (1.0, 1.0)

    def test_horizon_not_over(self, truth):
        assert judge_scores(self.scores(), truth, 7 * DAY, START + 7 * DAY - 1).rows == 0

    def test_prior_is_left_out(self, truth):
        prior = self.scores(model=ModelRef("champion", 0, None))
        assert judge_scores(prior, truth, 7 * DAY, START + 9 * DAY).rows == 0

    def test_repeated_scores_count_once(self, truth):
        twice = [*self.scores(), *self.scores()]
        assert judge_scores(twice, truth, 7 * DAY, START + 9 * DAY).rows == 3

    def test_cancelling_at_the_cut_or_after_the_horizon_is_no_churn(self, truth):
        assert not truth.churned(user_id(0), START + 3 * DAY, DAY)
        assert truth.churned(user_id(0), START + 2 * DAY, DAY)
        assert not truth.churned(user_id(0), START + 2 * DAY - 1, DAY)


def test_auc_against_every_pair():
    rng = np.random.default_rng(0)
    scores, churned = rng.integers(0, 6, 80) / 5, rng.random(80) < 0.3
    pairs = [(a > b) + (a == b) / 2 for a in scores[churned] for b in scores[~churned]]
    assert auc(scores, churned) == pytest.approx(np.mean(pairs))
    assert auc(scores, np.zeros(80, bool)) is None


def test_log_loss_is_finite_for_certain_and_wrong():
    assert log_loss(np.array([0.0, 1.0]), np.array([True, False])) == pytest.approx(13.8, abs=0.1)
    assert log_loss(np.zeros(0), np.zeros(0, bool)) is None
