"""Redis is away, hangs, or takes nothing: the worker waits, says so, and goes on."""

from __future__ import annotations

import os
import signal
import time

import redis

from streams.embedded import LocalRedis
from tests.faults.life import Result, Worker
from tests.faults.redis_losses import begun, own_redis
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE

WAITING = "waiting for a service"


@fault("Redis: stopped and started, killed and started, under load")
def away(stage: Stage) -> Result:
    """For a minute in the campaign; what a worker does does not depend on for how long."""
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        worker = begun(life)
        for share, end, seconds in ((0.5, server.stop, 3), (0.7, server.kill, stage.away)):
            life.feed(share)
            end()
            life.strikes += 1
            time.sleep(seconds)
            server.start()
            life.wait(life.applied, PATIENCE, "it does not go on")
        assert worker.says(WAITING)
        _untouched(worker)
        return life.finish(2 * PATIENCE)


@fault("Redis: hangs for a while (SIGSTOP)")
def hanging(stage: Stage) -> Result:
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        worker = begun(life)
        life.feed(0.7)
        assert server.pid is not None
        _signal(server, signal.SIGSTOP)
        life.strikes += 1
        time.sleep(stage.away)
        _signal(server, signal.SIGCONT)
        life.wait(life.applied, PATIENCE, "it does not go on")
        _untouched(worker)
        return life.finish(2 * PATIENCE)


@fault("Redis: out of memory (OOM command not allowed)")
def out_of_memory(stage: Stage) -> Result:
    """Longer than a session, so that nothing restarts only because nothing moves."""
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        worker = begun(life)
        client = redis.Redis.from_url(server.url)
        client.config_set("maxmemory", 1)
        life.strikes += 1
        life.feed(0.7)
        life.wait(lambda: worker.says("OOM command not allowed"), PATIENCE, "it does not say so")
        time.sleep(stage.away)
        assert not life.applied(), "it went on without writing"
        client.config_set("maxmemory", 0)
        client.close()
        life.wait(life.applied, PATIENCE, "it does not go on")
        _untouched(worker)
        return life.finish(2 * PATIENCE)


def _untouched(worker: Worker) -> None:
    assert worker.alive
    assert not worker.says("starting anew"), worker.text[-3000:]


def _signal(server: LocalRedis, number: int) -> None:
    assert server.pid is not None
    os.kill(server.pid, number)
