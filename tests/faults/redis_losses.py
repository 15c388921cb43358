"""Redis forgets what it had acknowledged, while the worker lives and remembers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import redis
from kafka import KafkaAdminClient, TopicPartition

from streams.embedded import LocalRedis
from streams.embedded.ports import LOOPBACK, free_port
from tests.faults.deployment import PARTITIONS
from tests.faults.life import Life, Result, Worker
from tests.faults.registry import Stage, fault
from tests.patience import PATIENCE


@fault("Redis: its last second is lost (appendfsync everysec) under load")
def last_second_lost(stage: Stage) -> Result:
    """The worker's next write must notice: its memory is ahead of Redis."""
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        worker = begun(life)
        for number in range(stage.many):
            kept, enough = logged(server), life.durable() + 40
            life.feed(0.3 + 0.6 * (number + 1) / stage.many)
            life.wait(partial(moved, life, enough), PATIENCE, "nothing moves")
            lose(server, kept - stage.rng.randint(0, 3000))  # in the middle of a command, too
            life.strikes += 1
            healed(life, worker, life.strikes)
        return life.finish(2 * PATIENCE)


@fault("Redis: restored from an older snapshot beside an idle worker")
def restored(stage: Stage) -> Result:
    """No record comes that would make the worker write: it must notice by itself."""
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        worker = begun(life)
        kept = logged(server)
        life.feed()
        life.wait(life.applied, PATIENCE, "not applied")
        lose(server, kept)
        assert not life.applied()
        life.strikes += 1
        healed(life, worker, 1)
        life.wait(life.applied, PATIENCE, "not healed")
        return life.finish(2 * PATIENCE)


@fault("Redis: failover to a replica that lags behind")
def failover(stage: Stage) -> Result:
    """The address stays, behind it is another server, which has not heard of the last writes."""
    with own_redis(stage, "primary") as primary, own_redis(stage, "replica") as replica:
        link = redis.Redis.from_url(replica.url)
        link.replicaof(LOOPBACK, primary.port)
        with forwarded(primary.port) as (address, switch), stage.life(redis_url=address) as life:
            worker = begun(life)
            life.wait(lambda: same_offset(primary, link), PATIENCE, "the replica does not catch up")
            link.replicaof("NO", "ONE")
            life.feed(0.8)
            life.wait(life.applied, PATIENCE, "not applied")
            primary.kill()
            switch(replica.port)
            life.strikes += 1
            healed(life, worker, 1)
            link.close()
            return life.finish(2 * PATIENCE)


@fault("Redis: emptied under load, rebuilt by the documented procedure")
def emptied(stage: Stage) -> Result:
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        worker = begun(life)
        life.feed(0.7)
        life.wait(lambda: life.durable() > 60, PATIENCE, "nothing moves")
        client = redis.Redis.from_url(server.url)
        client.flushall()
        client.close()
        life.strikes += 1
        refused(life, worker, "--rebuild")
        assert not life.partition_records(), "nothing was written before somebody decided"
        life.work(words=["--rebuild"])
        return life.finish(2 * PATIENCE)


@fault("Redis: lost writes whose records retention has deleted")
def beyond_healing(stage: Stage) -> Result:
    """Nothing can be read again: an error, whose remedy is a newer backup."""
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        begun(life)
        old = logged(server)
        result = life.finish(2 * PATIENCE)
        before, backup = kept(life), _log(server).read_bytes()
        lose(server, old)
        delete_records(life, "usage")
        life.strikes += 1
        refused(life, life.work(), "cannot be read again")
        server.stop()
        _log(server).write_bytes(backup)
        server.start()
        worker = life.work()
        life.wait(lambda: worker.text.count('"known": true') == PARTITIONS, PATIENCE, "no claim")
        assert worker.end() == 0, worker.text[-2000:]
        assert kept(life) == before
        return result._replace(strikes=life.strikes)


def moved(life: Life, enough: int) -> bool:
    """Whether so many offsets are durable."""
    return life.durable() >= enough


# --- what they share -----------------------------------------------------------------------------


def own_redis(stage: Stage, name: str = "redis") -> LocalRedis:
    """A server that keeps its log in the stage's folder."""
    config = {"appendfsync": "everysec", "auto-aof-rewrite-percentage": "0"}
    return LocalRedis(stage.folder / f"{name}-{stage.rng.randrange(10**9)}", config=config)


def begun(life: Life) -> Worker:
    """A worker that has done the first part of the history."""
    life.feed(0.3)
    worker = life.work()
    life.wait(life.applied, PATIENCE, "the first part is not applied")
    return worker


def logged(server: LocalRedis) -> int:
    """How long the append-only log is now, in bytes."""
    return _log(server).stat().st_size


def _log(server: LocalRedis) -> Path:
    """One file until Redis 7, then a folder of them."""
    folder = server.data_dir
    (log,) = [*folder.glob("appendonly.aof"), *folder.glob("appendonlydir/*.incr.aof")]
    return log


def lose(server: LocalRedis, kept: int) -> None:
    """Kill the server; of its log only the first bytes are on disk, as when the machine dies."""
    server.kill()
    with _log(server).open("r+b") as file:
        file.truncate(kept)
    server.start()


def healed(life: Life, worker: Worker, times: int) -> None:
    """The worker has noticed, has begun anew as the same process, and has read again."""
    life.wait(lambda: worker.text.count("starting anew") >= times, PATIENCE, "it has not noticed")
    life.wait(lambda: worker.text.count("reading again") >= times, PATIENCE, "it has not healed")
    assert worker.alive


def delete_records(life: Life, source: str) -> None:
    """All of a source's records that are there now, as retention would."""
    with closing(KafkaAdminClient(bootstrap_servers=life.servers)) as admin:
        ends = {n: life.ends[source, n] for n in range(PARTITIONS)}
        admin.delete_records(
            {TopicPartition(f"{life.app}.{source}", n): end for n, end in ends.items()}
        )


def kept(life: Life) -> dict[bytes, Any]:
    """What Redis holds of the app's state now, without who has claimed it."""
    client = redis.Redis.from_url(life.redis_url)
    keys: Any = client.scan_iter(f"ebb:{{{life.app}.p*", count=1000)
    found = {key: client.dump(key) for key in keys if not key.endswith(b":fence")}
    client.close()
    return found


def refused(life: Life, worker: Worker, remedy: str) -> None:
    """The worker has ended with an error that names the remedy; nobody waits for it any more."""
    worker.given_up = True
    life.wait(lambda: not worker.alive, PATIENCE, "it goes on")
    assert worker.process.poll() == 1, worker.text[-2000:]
    assert remedy in worker.text, worker.text[-2000:]
    life.expel()


def same_offset(primary: LocalRedis, replica: redis.Redis) -> bool:
    client = redis.Redis.from_url(primary.url)
    ours, theirs = (c.info("replication")["master_repl_offset"] for c in (client, replica))
    client.close()
    return bool(ours == theirs)


@contextmanager
def forwarded(port: int) -> Iterator[tuple[str, Callable[[int], None]]]:
    """An address that leads to a port of this machine, and a function that changes it."""
    target = [port]
    open_now: list[socket.socket] = []
    front = socket.create_server((LOOPBACK, free_port()))

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = front.accept()
                try:
                    far = socket.create_connection((LOOPBACK, target[0]))
                except OSError:
                    near.close()
                    continue
                open_now.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=pair, daemon=True).start()

    def switch(to: int) -> None:
        target[0] = to
        for end in open_now:
            _close(end)
        open_now.clear()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"redis://{LOOPBACK}:{front.getsockname()[1]}/0", switch
    finally:
        _close(front)
        switch(0)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _close(source)
    _close(sink)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
