"""The study's own simulated worlds.

Neither their users' habits nor their seeds have been used for choosing any default: the bench of
truth and whoever tunes something have others (``bench/learning/worlds.py``; seeds below 400).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.spec import ScheduleSpec, Spec
from schemas.times import DAY, HOUR
from streams.config import parse_config
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.template import configuration
from streams.demo.world import Habits
from streams.study.logs import Log, from_simulator

SEEDS = (401, 402, 403)
DAYS = 220
USERS = 500
DRIFT_AT = 0.6
"""Share of the time after which what makes users leave changes."""

EARLY = Habits(
    users=USERS,
    sessions=1.5,
    sessions_spread=0.6,
    begin_drifting=0.02,
    stop_drifting=0.05,
    drifting_mood=-2.0,
    payment_fails=0.08,
    tickets=0.04,
    hazard=0.0025,
    hazard_mood=1.0,
    hazard_unpaid=14.0,
    hazard_angry=10.0,
)
LATE = replace(EARLY, hazard=0.0022, hazard_mood=1.3, hazard_unpaid=5.0, hazard_angry=18.0)


@dataclass(frozen=True, slots=True)
class World:
    """How large a simulated log is."""

    days: int = DAYS
    users: int = USERS

    def log(self, spec: Spec, seed: int) -> Log:
        """What the simulated product's systems send with this seed, nothing being wrong."""
        simulator = Simulator(seed, replace(EARLY, users=self.users), horizon=DAY)

        def turn(day: float) -> None:
            habits = LATE if day >= DRIFT_AT * self.days else EARLY
            simulator.world.habits = replace(habits, users=self.users)

        return from_simulator(simulator, spec, self.days, turn)


def specification() -> Spec:
    """The demo's deployment, scored daily; its sources are looked at four times a day."""
    spec = parse_config(configuration("study")).spec
    scoring = replace(spec.scoring, schedule=ScheduleSpec(every=DAY, anchor=START), reasons=0)
    return replace(spec, scoring=scoring, health=replace(spec.health, every=6 * HOUR))
