"""The simulator: deterministic, however time is cut."""

from __future__ import annotations

import numpy as np

from schemas.times import DAY, HOUR
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.world import Habits

SMALL = Habits(users=120)


def test_same_seed_gives_the_same_records_however_time_is_cut():
    whole = Simulator(5, SMALL).advance(START + 9 * DAY)
    pieces = Simulator(5, SMALL)
    steps = np.random.default_rng(0).integers(1, 5 * HOUR, 400)
    until, parts = START, []
    for step in steps:
        until = min(until + int(step), START + 9 * DAY)
        parts += pieces.advance(until)
    assert until == START + 9 * DAY
    assert parts == whole
    assert len(whole) > 1000


def test_another_seed_gives_other_records():
    assert Simulator(5, SMALL).advance(START + DAY) != Simulator(6, SMALL).advance(START + DAY)
