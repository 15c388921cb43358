"""Users in memory: rows are given, taken back, and given empty again."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from models.features.plan import make_plan
from models.grid import NEVER
from models.state.slab import Outcome, Slab
from tests.models.engine.harness import Worker
from tests.models.engine.story import EAGER, SPEC, beat, event, topics


def test_rows_are_given_once_and_come_back_empty() -> None:
    slab = Slab(make_plan(SPEC))
    names = [f"u{i}" for i in range(3000)]
    rows = slab.make(names)
    assert len(set(rows.tolist())) == 3000 == len(slab)
    row = int(rows[17])
    slab.entered[row] = 5
    slab.outcomes[row] = [Outcome(1, 1)]
    slab.distinct[0].add(0, np.array([row]), np.array([1]), [2])
    slab.ids[row] = {0: {1: 2}}
    slab.drop(["u17", "nobody"])
    assert "u17" not in slab.rows
    assert slab.make(["new"]).tolist() == [row]
    assert slab.entered[row] == NEVER
    assert (slab.outcomes[row], slab.ids[row], slab.distinct[0].get(row)) == ([], {}, None)
    assert slab.users[row] == "new"


def test_the_least_recently_used_leave_first() -> None:
    slab = Slab(make_plan(SPEC))
    names = [f"u{i}" for i in range(10)]
    rows = slab.make(names)
    slab.used[rows] = [5, 3, 9, 1, 7, 2, 8, 4, 6, 0]
    slab.evict(4)
    assert sorted(slab.rows) == ["u2", "u4", "u6", "u8"]
    slab.evict(4)
    assert len(slab) == 4


def test_a_slab_of_one_user_scores_as_one_that_holds_all() -> None:
    rng = random.Random(4)
    items = [
        event("usage", t, rng.choice("abcdef"), t - rng.randint(0, 9), n=t % 5, k="quiz")
        for t in range(1, 120, 2)
    ]
    items.append(beat("billing", 400))
    full = Worker(EAGER, topics(EAGER, items)).run()
    tiny = replace(EAGER, capacity=1)
    small = Worker(tiny, topics(tiny, items)).run_in_pieces(rng)
    assert small.scores() == full.scores() != {}
    assert small.examples() == full.examples() != {}
    assert len(small.engine.slab) <= 1
