"""The one test with production's session timeout: nobody helps the group to notice a death."""

from __future__ import annotations

from functools import partial

import pytest

from streams.config.document import WorkerDoc
from tests.faults.life import Worker
from tests.faults.points import Cut
from tests.faults.rebalances import CLAIMED, claims, settled
from tests.faults.registry import Stage
from tests.patience import PATIENCE


def share(*workers: Worker) -> bool:
    """Whether each has claimed partitions."""
    return all(worker.says(CLAIMED) for worker in workers)


@pytest.mark.slow
def test_a_survivor_takes_over_when_the_session_has_ended(stage: Stage) -> None:
    session = WorkerDoc().session_timeout // 1_000_000
    with stage.life(
        options={"session": f"{session}s", "max_batch": 5000, "capacity": 200_000}
    ) as life:
        doomed, survivor = life.work(Cut("slice")), life.work()
        life.wait(partial(share, doomed, survivor), PATIENCE, "they do not share the partitions")
        life.feed(0.6)
        assert life.struck(doomed)
        before = claims(life)
        life.wait(partial(settled, life, before), session + PATIENCE, "nobody took over")
        result = life.finish()
    assert result.verdict.clean, str(result.verdict)
