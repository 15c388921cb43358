"""Partitions change hands under load: workers join, leave, die, are expelled."""

from __future__ import annotations

import time
from functools import partial

from tests.faults.life import Life, Result
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE

CLAIMED = '"event": "claimed"'


def claims(life: Life) -> int:
    """Partitions claimed so far, by all workers."""
    return sum(worker.count(CLAIMED) for worker in life.workers)


def settled(life: Life, before: int) -> bool:
    """Whether all partitions have been claimed again."""
    return claims(life) >= before + 3


@fault("workers join and leave under load", "rebalance")
def join_and_leave(stage: Stage) -> Result:
    """Two at a time; who came first leaves first."""
    with stage.life() as life:
        life.feed(0.2)
        newest = life.work()
        for number in range(stage.many):
            older, before = newest, claims(life)
            newest = life.work()
            life.wait(partial(settled, life, before), PATIENCE, "no rebalance after a join")
            life.feed(0.2 + 0.7 * (number + 1) / stage.many)
            before = claims(life)
            assert older.end() == 0, life.logs()
            life.wait(partial(settled, life, before), PATIENCE, "no rebalance after a leave")
            life.strikes += 2
        return life.finish()


@fault("three workers: one joins, one leaves, one is killed", "rebalance")
def three_workers(stage: Stage) -> Result:
    with stage.life() as life:
        life.feed(0.2)
        first, second = life.work(), life.work()
        life.wait(partial(settled, life, 0), PATIENCE, "nothing is claimed")
        before = claims(life)
        life.work()
        life.feed(0.5)
        life.wait(partial(settled, life, before), PATIENCE, "no rebalance after a join")
        before = claims(life)
        first.kill()  # its partitions wait for the end of its session
        life.feed(0.7)
        life.wait(partial(settled, life, before), PATIENCE, "no rebalance after a kill")
        before = claims(life)
        assert second.end() == 0, life.logs()
        life.wait(partial(settled, life, before), PATIENCE, "no rebalance after a leave")
        life.strikes += 3
        return life.finish()


@fault("all members expelled from the group under load", "rebalance")
def expelled(stage: Stage) -> Result:
    """The coordinator forgets them: what they do is refused until they have joined again."""
    with stage.life() as life:
        life.feed(0.2)
        life.work()
        life.work()
        life.wait(partial(settled, life, 0), PATIENCE, "nothing is claimed")
        for number in range(2 * stage.many):
            life.feed(0.2 + 0.7 * number / (2 * stage.many))
            time.sleep(stage.rng.uniform(0, 0.5))
            before = claims(life)
            life.expel()
            life.strikes += 1
            life.wait(partial(settled, life, before), PATIENCE, "they did not come back")
        return life.finish()
