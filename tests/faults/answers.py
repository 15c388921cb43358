"""Answers that fail: output acknowledgements, leaders, commits of offsets."""

from __future__ import annotations

from tests.faults.life import Result
from tests.faults.points import Cut
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE


def live_with(stage: Stage, *cuts: Cut) -> Result:
    """One worker, which must get over it by itself."""
    with stage.life() as life:
        life.feed(0.6)
        worker = life.work(*cuts)
        assert life.struck(worker)
        life.wait(life.applied, PATIENCE, "it does not get on")
        return life.finish()


@fault("output acknowledgements fail")
def fail(stage: Stage) -> Result:
    """The producer refuses, having taken the records: they are sent again."""
    return live_with(stage, Cut("handed", 5, "raise", "KafkaTimeoutError", times=3))


@fault("output acknowledgements time out, the broker having kept the records")
def time_out(stage: Stage) -> Result:
    cuts = [Cut("answered", nth, "raise", "KafkaTimeoutError", times=2) for nth in (2, 9, 15)]
    return live_with(stage, *cuts)


@fault("partition leader error, the broker having kept the records")
def leader_error(stage: Stage) -> Result:
    cuts = [Cut("answered", n, "raise", "NotLeaderForPartitionError", times=2) for n in (3, 12)]
    return live_with(stage, *cuts)


@fault("commits of offsets fail")
def commit_fails(stage: Stage) -> Result:
    return live_with(stage, Cut("offsets", 1, "raise", "CommitFailedError"))
