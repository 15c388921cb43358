"""A worker stopped past its session, and resumed: others have its partitions by then."""

from __future__ import annotations

import signal
import time
from functools import partial

from tests.faults.life import Life, Result, Worker
from tests.faults.points import Cut
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE

SESSION = 6.0


def resume(life: Life, paused: Worker, successor: Worker) -> None:
    """Wake it when its partitions are somebody else's; it must find out, and begin anew clean."""
    life.wait(partial(claimed, successor, 3), PATIENCE, "nobody took the partitions over")
    life.feed(0.7)
    life.wait(life.applied, PATIENCE, "the successor does not get on")
    paused.signal(signal.SIGCONT)


def claimed(worker: Worker, times: int) -> bool:
    """Whether it has claimed so many partitions so far."""
    return worker.count('"event": "claimed"') >= times


@fault("SIGSTOP in the middle of a write, past the session, then SIGCONT", "rebalance")
def in_the_middle_of_a_write(stage: Stage) -> Result:
    with stage.life() as life:
        life.feed(0.4)
        paused = life.work(Cut("slice", stage.rng.randint(2, 5), "stop"))
        assert life.struck(paused)
        successor = life.work()
        resume(life, paused, successor)
        life.wait(partial(paused.says, "starting anew"), PATIENCE, "it did not notice")
        assert paused.says("another process has claimed"), "its write was not refused by the fence"
        life.wait(partial(paused.says, "working"), PATIENCE, "it did not begin anew")
        return life.finish()


@fault("SIGSTOP before the outputs, past the session, then SIGCONT", "rebalance")
def before_the_outputs(stage: Stage) -> Result:
    with stage.life() as life:
        life.feed(0.4)
        paused = life.work(Cut("computed", stage.rng.randint(2, 8), "stop"))
        assert life.struck(paused)
        resume(life, paused, life.work())
        life.wait(partial(paused.says, "starting anew"), PATIENCE, "it did not notice")
        return life.finish()


@fault("SIGSTOP at random times under load, past the session, then SIGCONT", "rebalance")
def at_random_times(stage: Stage) -> Result:
    with stage.life() as life:
        life.feed(0.4)
        paused = life.work()
        life.wait(partial(claimed, paused, 1), PATIENCE, "nothing is claimed")
        time.sleep(stage.rng.uniform(0, 1))
        paused.signal(signal.SIGSTOP)
        life.strikes += 1
        resume(life, paused, life.work())
        time.sleep(SESSION / 2)
        return life.finish()
