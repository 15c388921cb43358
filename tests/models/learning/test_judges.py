"""Members are judged by what they said when the example was scored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.compiled.mixture import Form
from models.learning.forgetting import ForgettingLogistic
from models.learning.judges import Judge, Judges
from models.learning.maturing import Maturing
from models.learning.mixture import Mixture
from models.learning.numerics import Floats
from models.learning.replay_logistic import ReplayLogistic
from tests.properties import examples


@dataclass(frozen=True)
class Says:
    logit: float

    def logits(self, matrix: Floats) -> Floats:
        return np.full(len(matrix), self.logit)


def judge(learned: int) -> Judge:
    """Whose one member says how much it had learned."""
    return Judge(learned, 1, (cast("Form", Says(-float(learned))),))


def asked(judges: Judges, known: int) -> int:
    """How much the judge had learned that judges a row of that time."""
    one = np.ones(1)
    loss = judges.losses(np.zeros((1, 1)), one, one, np.array([known]))[0, 0]
    return round(math.log(math.expm1(loss)))


@examples(25)
@given(st.integers(0, 1500), st.integers(1, 300), st.integers(4, 64))
def test_the_judge_is_as_old_as_the_labels_are_late(lag: int, every: int, step: int) -> None:
    judges, known = Judges(every), 0
    for learned in range(0, 5000, step):
        known = max(0, learned - lag)
        if judges.due(learned):
            judges.add(judge(learned), known)
        assert len(judges._kept) <= 9
        if learned % 50 == 0 and learned < 600:  # e^600 is the largest that the oracle can say
            assert asked(judges, known) <= known or known == 0
    chosen = max(one.learned for one in judges._kept if one.learned <= known)
    assert known - chosen <= 2 * max(every, lag // 4) + 2 * step


def test_each_row_has_its_own_judge() -> None:
    judges = Judges(every=10)
    for learned in (0, 100, 200):
        judges.add(judge(learned), known=0)
    rows, ones = np.zeros((4, 1)), np.ones(4)
    losses = judges.losses(rows, np.zeros(4), ones, np.array([0, 99, 150, 900]))[:, 0]
    expected = np.log1p(np.exp(-np.array([0.0, 0.0, 100.0, 200.0])))
    assert np.allclose(losses, expected)


@pytest.mark.slow
def test_who_is_only_good_at_once_gains_nothing_from_late_labels() -> None:
    """A level that jumps every 250 examples, in labels that are 250 late: it says nothing."""
    rng = np.random.default_rng(2)
    n, block = 4000, 250
    levels = rng.permutation(np.tile([0.1, 0.9], n // block // 2))
    labels = (rng.random(n) < np.repeat(levels, block)).astype(float)
    matrix, ones = np.zeros((n, 1)), np.ones(n)
    shares = []
    for late in (0, block):
        quick = ForgettingLogistic(("a",), memory=30.0, every=4, patience=1.0)
        members = (ReplayLogistic(("a",), replay=2), quick)
        model = Mixture(members, features=("a",), eta=0.05)
        known = np.maximum(np.arange(n) // block * block - late, 0)
        if not late:
            known = np.arange(n)
        model.learn_known(matrix, labels, ones, known)
        shares.append(model.shares[1])
    assert shares[0] > 0.9
    assert shares[1] < 0.1


@examples(60)
@given(st.lists(st.integers(0, 4000), min_size=1, max_size=80), st.integers(1, 500))
def test_what_had_matured_is_counted(times: list[int], maturity: int) -> None:
    maturing, counted, part = Maturing(maturity), [], max(1, maturity // 16)
    times.sort()
    for begun in range(0, len(times), 7):
        some = times[begun : begun + 7]
        for found, time in zip(maturing.known(some).tolist(), some, strict=True):
            exact = sum(other <= time - maturity for other in counted)
            before = sum(other <= time - maturity - part for other in counted)
            assert before <= found <= exact
        maturing.add(some)
        counted += some
    assert len(maturing._counts) <= 2 * maturity // part + 4
