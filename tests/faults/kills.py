"""``kill -9``: at every step of the order of effects, and whenever."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from tests.faults.life import Life, Result
from tests.faults.points import Cut
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE

STEPS = ("claimed", "loaded", "computed", "handed", "answered", "acknowledged", "written")


def die(life: Life, cuts: Iterable[Cut]) -> None:
    """One worker after the other takes over where its predecessor was killed."""
    cuts = list(cuts)
    for number, cut in enumerate(cuts):
        life.feed(0.3 + 0.6 * number / len(cuts))
        worker = life.work(cut)
        life.struck(worker)
        worker.kill()
        life.expel()


def finish(life: Life) -> Result:
    """Finish and judge; behind a kill, Redis is never behind what the group has committed."""
    result = life.finish()
    if any(worker.says("behind the group's commit") for worker in life.workers):
        result.verdict.lost.append("offsets were committed before their effects were durable")
    return result


@fault("kill -9 at each numbered step of the order of effects", "kill")
def at_each_step(stage: Stage) -> Result:
    with stage.life() as life:
        die(life, [Cut(step, stage.rng.randint(1, 3)) for step in STEPS])
        return finish(life)


@fault("kill -9 around the commit of offsets", "kill")
def around_offsets(stage: Stage) -> Result:
    with stage.life() as life:
        die(life, [Cut("offsets"), Cut("committed"), Cut("revoked")])
        return finish(life)


@fault("kill -9 between the slices of one batch", "kill")
def between_slices(stage: Stage) -> Result:
    with stage.life() as life:
        die(life, [Cut("slice", stage.rng.randint(1, 6)) for _ in range(stage.many)])
        return finish(life)


@fault("kill -9 in the middle of a schedule's sweep", "kill")
def in_a_sweep(stage: Stage) -> Result:
    with stage.life() as life:
        die(life, [Cut("sweep", stage.rng.randint(1, 4)) for _ in range(stage.many)])
        return finish(life)


@fault("kill -9 at random points under load", "kill")
def at_random_points(stage: Stage) -> Result:
    with stage.life() as life:
        die(life, [Cut("any", stage.rng.randint(1, 120)) for _ in range(stage.many)])
        return finish(life)


@fault("kill -9 at random times under load", "kill")
def at_random_times(stage: Stage) -> Result:
    with stage.life() as life:
        for number in range(stage.many):
            life.feed(0.2 + 0.7 * number / stage.many)
            worker = life.work()
            life.wait(partial(worker.says, "claimed"), PATIENCE, "nothing is claimed")
            time.sleep(stage.rng.uniform(0, 1.5))  # the one place where chance is the point
            worker.kill()
            life.strikes += 1
            life.expel()
        return finish(life)
