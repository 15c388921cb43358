"""The broker goes away and comes back, on the same data."""

from __future__ import annotations

import time

from streams.embedded import LocalKafka
from tests.faults import topics
from tests.faults.life import Result
from tests.faults.redis_losses import begun
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE


@fault("broker stopped and started, killed and started, under load")
def away(stage: Stage) -> Result:
    with LocalKafka() as kafka, stage.life(servers=kafka.bootstrap_servers) as life:
        worker = begun(life)
        for number, end in enumerate((kafka.stop, kafka.kill)):
            life.feed(0.5 + 0.3 * number)
            end()
            life.strikes += 1
            time.sleep(stage.away if number else 1)
            kafka.start()
            topics.await_leaders(
                life.servers, {f"{life.app}.{o.item.source}" for o in life.history}
            )
            life.wait(life.applied, PATIENCE, "it does not go on")
        assert worker.alive
        return life.finish(2 * PATIENCE)
