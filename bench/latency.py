"""How long an event takes to its score, at a fixed rate: ``python -m bench.latency --help``.

Measured between record timestamps that the broker sets when it appends (``LogAppendTime``): of the
event that a score names as its cause, and of the score. So there is one clock, and what producer
and consumer take is left out.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.broker import STAMPED, Kafka
from bench.job.config import text
from bench.job.events import KINDS, SOURCES, home
from streams.connections import Connections

TICK = 0.01
"""Seconds between two handfuls of events."""

START_SECONDS = 120
"""How long a worker may take to start."""


@dataclass(frozen=True, slots=True)
class Load:
    """What comes in. rate: events a second of all sources together.

    sparse: of all sources but the first there is one event a second. warm_up, seconds: events of
    the first part are not measured (a worker that has just started has no users in memory).
    """

    rate: float
    warm_up: float = 15.0
    seconds: float = 30.0
    users: int = 20_000
    sparse: bool = False
    partitions: int = 2

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the sources."""
        return (self.rate - 2, 1.0, 1.0) if self.sparse else (80.0, 10.0, 10.0)


def measure(connections: Connections, load: Load, clock: str) -> dict[str, Any]:
    """Run one worker under a load; percentiles in milliseconds."""
    name = f"latency{os.getpid()}-{clock}{'-sparse' if load.sparse else ''}"
    with (
        Kafka(connections.bootstrap_servers, load.partitions) as kafka,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "ebbline.toml"
        path.write_text(_job(name, clock))
        inputs = [f"{name}.{source}" for source in SOURCES]
        kafka.create([*inputs, f"{name}.scores"], STAMPED)
        _ebbline("topics", "create", "--partitions", str(load.partitions), "--config", str(path))
        try:
            with _worker(path):
                asyncio.run(_produce(connections, load, name))
                time.sleep(3)
            found = asyncio.run(_latencies(connections, load, name))
        finally:
            kafka.delete_of(name)
    return {"clock": clock, "sparse": load.sparse, "rate": load.rate, **summary(found)}


def _job(name: str, clock: str) -> str:
    """The job's configuration; users are scored often enough for scores all the time.

    With its minute, everybody would be scored in the first second of each.
    """
    found = text(name, name).replace('clock = "arrival"', f'clock = "{clock}"')
    return found.replace('min_interval = "1m"', 'min_interval = "4s"')


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """Percentiles, and of how many scores."""
    ranks = {"p50": 50, "p99": 99, "p999": 99.9, "max": 100}
    values = np.array(milliseconds or [np.nan])
    return {"scores": len(milliseconds)} | {
        name: round(float(np.percentile(values, rank)), 1) for name, rank in ranks.items()
    }


def _ebbline(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "streams.cli", *words], check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def _worker(config: Path) -> Iterator[None]:
    """One worker process, once it has its partitions."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("worker", "--roles", "score", "--log-level", "WARNING", "--config", str(config))
    command = [sys.executable, "-m", "streams.cli", *words, "--web-port", str(port)]
    process = subprocess.Popen(command)
    try:
        _await_ready(process, f"http://127.0.0.1:{port}/readyz")
        yield
        process.send_signal(signal.SIGTERM)
        if process.wait(60) != 0:
            raise click.ClickException("the worker ended with an error")
    finally:
        process.kill()
        process.wait()


def _await_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310  # loopback
            return
        time.sleep(0.2)
    raise click.ClickException("the worker did not get its partitions; its log says why")


async def _produce(connections: Connections, load: Load, name: str) -> None:
    """Events of now, at a steady pace, in a batch for each topic partition and tick."""
    rng = random.Random(5)
    producer = AIOKafkaProducer(**connections.aiokafka(), acks=1)
    async with producer:
        begin, sent = time.monotonic(), 0
        while (now := time.monotonic()) < begin + load.warm_up + load.seconds:
            due = int((now - begin) * load.rate)
            await _tick(producer, load, name, due - sent, rng)
            sent = due
            await asyncio.sleep(max(0.0, now + TICK - time.monotonic()))


async def _tick(
    producer: AIOKafkaProducer, load: Load, name: str, count: int, rng: random.Random
) -> None:
    batches: dict[tuple[str, int], Any] = {}
    for source in rng.choices(SOURCES, load.weights, k=count):
        user = f"user-{rng.randrange(load.users):06d}"
        place = (f"{name}.{source}", home(user, load.partitions))
        batch = batches.setdefault(place, producer.create_batch())
        at = time.time_ns() // 1_000_000
        kind = rng.choice(KINDS[source])
        value = {"at": at, "user": user, "source": source, "kind": kind, "value": 1.5}
        batch.append(timestamp=at, key=user.encode(), value=orjson.dumps(value))
    for (topic, partition), batch in batches.items():
        batch.close()
        await producer.send_batch(batch, topic, partition=partition)


async def _latencies(connections: Connections, load: Load, name: str) -> list[int]:
    """Milliseconds of every score that an event caused after the warm-up."""
    stamps: dict[str, int] = {}
    for source in SOURCES:
        async for record in _read(connections, load, f"{name}.{source}"):
            stamps[f"{record.topic}-{record.partition}-{record.offset}"] = record.timestamp
    since = min(stamps.values()) + load.warm_up * 1000
    found = []
    async for record in _read(connections, load, f"{name}.scores"):
        caused_by = orjson.loads(record.value)["cause"].removeprefix("event:")
        if stamps.get(caused_by, 0) >= since:
            found.append(record.timestamp - stamps[caused_by])
    return found


async def _read(connections: Connections, load: Load, topic: str) -> Any:
    places = [TopicPartition(topic, number) for number in range(load.partitions)]
    consumer = AIOKafkaConsumer(**connections.aiokafka(), enable_auto_commit=False)
    async with consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record


@click.command()
@click.option("--rate", default=2_000.0, show_default=True, help="Events a second.")
@click.option("--seconds", default=30.0, show_default=True, help="Measured, after the warm-up.")
@click.option("--warm-up", default=15.0, show_default=True)
@click.option("--users", default=20_000, show_default=True)
@click.option("--clock", type=click.Choice(["live", "arrival"]), default="live", show_default=True)
@click.option("--sparse", is_flag=True, help="Two of the three sources have one event a second.")
def main(
    rate: float, seconds: float, warm_up: float, users: int, clock: str, *, sparse: bool
) -> None:
    """Print the latency from event to score as JSON, in milliseconds."""
    load = Load(rate, warm_up, seconds, users, sparse=sparse)
    click.echo(orjson.dumps(measure(Connections.from_env(), load, clock)).decode())


if __name__ == "__main__":
    main()
