"""The story goes on when its time has come AND what it told has been seen."""

from __future__ import annotations

import pytest

from streams.demo.director import Director, Progress

LEARNED = Progress(learned=True)
STALLED = Progress(learned=True, stalled=3)
FRESH = Progress(learned=True, stalled=5, fresh=3)


@pytest.fixture
def director() -> Director:
    return Director(total=60, patience=60)


def test_the_usual_story(director):
    times = {
        director.step(second, seen): second
        for second in range(62)
        for seen in [LEARNED if second < 26 else STALLED if second < 40 else FRESH]
    }
    del times[None]
    assert times == {"cut": 23, "restored": 37, "over": 60}
    assert list(times) == ["cut", "restored", "over"]
    assert director.act == "over"
    assert director.step(500, FRESH) is None


def test_nothing_is_cut_before_a_model_has_learned(director):
    assert director.step(50, Progress()) is None
    assert director.step(51, LEARNED) == "cut"


def test_the_cut_lasts_until_it_shows(director):
    director.step(23, LEARNED)
    assert director.step(55, LEARNED) is None
    assert director.step(56, STALLED) == "restored"


def test_the_end_waits_for_fresh_scores(director):
    director.step(23, LEARNED)
    director.step(37, STALLED)
    assert director.step(70, STALLED) is None
    assert director.step(71, FRESH) == "over"


@pytest.mark.parametrize("seen", [Progress(), LEARNED, STALLED])
def test_patience_ends(director, seen):
    director.step(23, seen)
    assert director.step(120, Progress(learned=seen.learned)) == "over"
