"""How fast topics that are not keyed by user are copied, next to what copying costs at least.

``python bench/rekey.py [--json FILE] [--quick]``: by turns, in one process each, on the Kafka and
Redis that `resolve_services` finds: the role ``rekey`` (``ebbline worker``), and the ceiling: bare
aiokafka that fetches the same records and appends the same bytes to the same number of partitions,
without looking at them. Rates are of the time between the first tenth and the end, by the ends of
the topic that is written; CPU is of the whole process over that time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as Place

from streams.embedded import resolve_services

ORIGINALS, PARTITIONS = 3, 2
USERS = 5_000
CONFIG = """
[app]
name = "{app}"
clock = "arrival"
[sources.usage]
topic = "{original}"
rekey = true
user = "user"
time = {{ path = "at", unit = "ms" }}
[sources.usage.fields]
minutes = {{ path = "minutes", type = "number" }}
[[features]]
name = "n"
source = "usage"
agg = "count"
window = "1d"
[labels]
rule = "inactivity"
horizon = "1d"
sources = ["usage"]
within = "1d"
[scores]
schedule = {{ every = "1d" }}
[topics]
{topics}
[worker]
web_port = 0
session_timeout = "10s"
"""
HZ = os.sysconf("SC_CLK_TCK")


def event(rng: random.Random, n: int) -> bytes:
    """About 100 bytes."""
    return orjson.dumps(
        {
            "user": f"user-{rng.randrange(USERS)}",
            "at": 1_704_067_200_000 + n,
            "order": f"{rng.getrandbits(40):010x}",
            "minutes": round(rng.uniform(1, 60), 3),
            "kind": rng.choice(["view", "search", "buy"]),
        }
    )


async def fill(servers: str, topic: str, count: int) -> None:
    """Put ``count`` events into the partitions by turns, a batch to each."""
    rng = random.Random(1)
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=256 * 1024)
    await producer.start()
    sent, turn = 0, 0
    while sent < count:
        batch = producer.create_batch()
        for _ in range(min(500, count - sent)):
            at = 1_704_067_200_000 + sent
            batch.append(timestamp=at, key=None, value=event(rng, sent), headers=[])
            sent += 1
        await (await producer.send_batch(batch, topic, partition=turn % ORIGINALS))
        turn += 1
    await producer.stop()


async def copy_bare(servers: str, source: str, target: str, count: int) -> None:
    """The ceiling: fetch and append, one batch under way for each partition."""
    places = [TopicPartition(source, n) for n in range(ORIGINALS)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=512 * 1024)
    await consumer.start()
    await producer.start()
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    done = 0
    while done < count:
        waiting = []
        for place, records in (await consumer.getmany(timeout_ms=200, max_records=2000)).items():
            batch = producer.create_batch()
            for r in records:
                batch.append(
                    timestamp=r.timestamp, key=r.key, value=r.value, headers=list(r.headers)
                )
            partition = place.partition % PARTITIONS
            waiting.append(await producer.send_batch(batch, target, partition=partition))
            done += len(records)
        await asyncio.gather(*waiting)
    await producer.stop()
    await consumer.stop()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def timed(
    servers: str, target: str, count: int, start: Callable[[], subprocess.Popen[bytes]]
) -> dict[str, float]:
    """Events a second and CPU microseconds an event of a process that fills ``target``."""
    looker = KafkaConsumer(bootstrap_servers=servers)
    places = [Place(target, n) for n in range(PARTITIONS)]
    process = start()
    try:
        began, first, cpu = 0.0, 0, 0.0
        while True:
            written = sum(looker.end_offsets(places).values())
            now = time.monotonic()
            if not first and written >= count // 10:
                began, first, cpu = now, written, cpu_seconds(process.pid)
            if written >= count:
                break
            if process.poll() is not None:
                raise SystemExit(f"it ended with {process.returncode} after {written} records")
            time.sleep(0.01)
        used = cpu_seconds(process.pid) - cpu
        copied = count - first
        return {"events_per_s": copied / (now - began), "cpu_us": used / copied * 1e6}
    finally:
        process.kill()
        process.wait()
        looker.close()


def run(servers: str, redis_url: str, count: int, runs: int, folder: Path) -> dict[str, object]:
    """All runs; what was measured, for each contender one list a figure."""
    prefix = f"bench-rekey-{uuid.uuid4().hex[:6]}"
    original = f"{prefix}.usage"
    admin = KafkaAdminClient(bootstrap_servers=servers)
    made = [original]
    _create(admin, original, ORIGINALS)
    asyncio.run(fill(servers, original, count))
    figures: dict[str, list[dict[str, float]]] = {"rekey": [], "ceiling": []}
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "REDIS_URL": redis_url,
        "EBBLINE_SIGNING_KEY": uuid.uuid4().hex,
    }
    try:
        for number in range(runs):
            app, bare = f"{prefix}-{number}", f"{prefix}-{number}.bare"
            roles = ("scores", "sources", "deadletter", "examples", "models", "drift")
            names = {role: f"{app}.{role}" for role in roles}
            config = folder / f"{app}.toml"
            lines = "\n".join(f'{role} = "{name}"' for role, name in names.items())
            config.write_text(CONFIG.format(app=app, original=original, topics=lines))
            command = [sys.executable, "-m", "streams.cli"]
            words = ["--config", str(config)]
            create = [*command, "topics", "create", "--partitions", str(PARTITIONS), *words]
            subprocess.run(create, env=environment, check=True, capture_output=True)
            copies = f"{app}.rekey.usage"
            made += [*names.values(), copies, bare]
            _create(admin, bare, PARTITIONS)
            worker = [*command, "worker", "--roles", "rekey", *words]
            naked = [sys.executable, __file__, "--bare", servers, original, bare, str(count)]
            for name, target, line in (("rekey", copies, worker), ("ceiling", bare, naked)):
                figures[name].append(timed(servers, target, count, _starter(line, environment)))
                print(f"{name:8} {_shown(figures[name][-1])}", flush=True)
    finally:
        admin.delete_topics(made)
        admin.close()
    return _summary(figures, count)


def _create(admin: KafkaAdminClient, topic: str, partitions: int) -> None:
    options = {"num_partitions": partitions, "configs": {"retention.ms": "-1"}}
    admin.create_topics({topic: options}, wait_for_metadata=True)


def _starter(line: list[str], environment: dict[str, str]) -> Callable[[], subprocess.Popen[bytes]]:
    return lambda: subprocess.Popen(
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _shown(one: dict[str, float]) -> str:
    return f"{one['events_per_s']:>10,.0f} events/s {one['cpu_us']:6.1f} µs CPU an event"


def _summary(figures: dict[str, list[dict[str, float]]], count: int) -> dict[str, object]:
    found: dict[str, object] = {
        name: {
            "events_per_s": [round(one["events_per_s"]) for one in runs],
            "cpu_us_per_event": [round(one["cpu_us"], 2) for one in runs],
        }
        for name, runs in figures.items()
    }
    pairs = list(zip(figures["rekey"], figures["ceiling"], strict=True))
    return found | {
        "events": count,
        "rekey_over_ceiling": [round(a["events_per_s"] / b["events_per_s"], 3) for a, b in pairs],
        "median_events_per_s": round(median(a["events_per_s"] for a, _ in pairs)),
    }


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="fewer events, two runs")
    parser.add_argument("--bare", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        servers, source, target, count = options.bare
        asyncio.run(copy_bare(servers, source, target, int(count)))
        return
    count, runs = (150_000, 2) if options.quick else (600_000, 5)
    with resolve_services() as services, tempfile.TemporaryDirectory() as folder:
        found = run(services.bootstrap_servers, services.redis_url, count, runs, Path(folder))
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    if options.json:
        options.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
