"""A live process that does nothing, a clock that jumps: nobody is told by an error."""

from __future__ import annotations

from tests.faults.life import Result
from tests.faults.points import Cut
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE


@fault("watchdog: a fetch never returns")
def fetch_hangs(stage: Stage) -> Result:
    return _stalled(stage, Cut("fetch", stage.rng.randint(3, 8), "hang"), "nothing has moved")


@fault("watchdog: the agent never takes anything over")
def agent_hangs(stage: Stage) -> Result:
    return _stalled(stage, Cut("pushed", stage.rng.randint(2, 6), "hang"), "nothing has moved")


@fault("watchdog: the event loop hangs")
def loop_hangs(stage: Stage) -> Result:
    return _stalled(stage, Cut("computed", stage.rng.randint(2, 6), "freeze"), "event loop hangs")


def _stalled(stage: Stage, cut: Cut, cause: str) -> Result:
    """It begins anew by itself, as the same process, and goes on."""
    with stage.life() as life:
        life.feed(0.6)
        worker = life.work(cut)
        assert life.struck(worker)
        life.feed()
        life.wait(lambda: worker.says(cause), PATIENCE, "nobody has noticed")
        result = life.finish(2 * PATIENCE)
        assert len(life.workers) == 1, "the same process"
        return result


@fault("the wall clock jumps back by two hours, again and again")
def clock_jumps(stage: Stage) -> Result:
    with stage.life() as life:
        life.feed(0.5)
        worker = life.work(Cut("acknowledged", 3, "rewind", times=3))
        assert life.struck(worker)
        return life.finish(2 * PATIENCE)
