"""`ebbline publish` on a real broker: what lies in the topics afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaConsumer, TopicPartition

from schemas.murmur2 import partition_of
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 3
HOUR = 3_600_000
DAY_0 = 1_359_676_800  # 2013-02-01T00:00:00Z

CONFIG = """
[app]
name = "{name}"
clock = "arrival"
grid = "1d"
[sources.visits]
topic = "{name}.visits"
user = "who.id"
time = {{ path = "at", unit = "s" }}
completeness = "heartbeat"
[sources.calls]
topic = "{name}.calls"
user = "user"
time = {{ path = "at", unit = "rfc3339" }}
completeness = "heartbeat"
heartbeat = {{ field = "beat" }}
[sources.gone]
topic = "{name}.gone"
user = "user"
time = {{ path = "at", unit = "s" }}
max_delay = "1h"
outcome = {{ path = "kind", churn = ["quit"] }}
[labels]
rule = "outcome"
horizon = "7d"
[scores]
schedule = {{ every = "1d" }}
[[features]]
name = "visits"
source = "visits"
agg = "count"
window = "7d"
"""


@pytest.fixture
def shop(tmp_path: Path, fresh_name: str, make_topics: Any) -> Path:
    """Files of two sources, out of order, and topics for three."""
    make_topics([f"{fresh_name}.{s}" for s in ("visits", "calls", "gone")], partitions=PARTITIONS)
    (tmp_path / "ebbline.toml").write_text(CONFIG.format(name=fresh_name))
    visits = [
        b'{"who": {"id": %d}, "at": %d, "n": %d}' % (n % 7, DAY_0 + (n * 37) % 300 * 60, n)
        for n in range(300)
    ]
    (tmp_path / "visits.jsonl").write_bytes(b"\n".join(visits))
    calls = [f"u{n % 5},2013-02-01T0{n % 5}:30:00Z" for n in range(50)]
    (tmp_path / "calls.csv").write_text("\n".join(["user,at", *calls]))
    return tmp_path


@pytest.fixture
def publish(shop: Path, bootstrap_servers: str) -> Any:
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from streams.cli import main; main()", "publish"]
    given = [*command, "--config", str(shop / "ebbline.toml")]

    def start(*args: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([*given, *args], env=env, stdout=pipe, stderr=pipe, text=True)

    return start


def done(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out


def read(bootstrap_servers: str, topic: str) -> dict[int, list[Any]]:
    """Records of each partition, in order."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    where = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    consumer.assign(where)
    consumer.seek_to_beginning(*where)
    ends = consumer.end_offsets(where)
    found: dict[int, list[Any]] = defaultdict(list)
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        for tp, records in consumer.poll(timeout_ms=500).items():
            found[tp.partition].extend(records)
    consumer.close()
    return found


def test_rows_arrive_in_order_where_their_user_lives(
    shop: Path, publish: Any, bootstrap_servers: str, fresh_name: str
) -> None:
    told = done(
        publish(
            *("--source", "visits", str(shop / "visits.jsonl"), "--delay", "visits=2h"),
            *("--source", "calls", str(shop / "calls.csv"), "--heartbeats", "1h"),
            *("--close-at", "2013-02-02T00:00:00Z", "--json"),
        )
    )
    assert orjson.loads(told)["rows"] == {"visits": 300, "calls": 50}
    assert orjson.loads(told)["finished"]

    partitions = read(bootstrap_servers, f"{fresh_name}.visits")
    rows = [r for records in partitions.values() for r in records if r.key is not None]
    sent = (shop / "visits.jsonl").read_bytes().split(b"\n")
    assert sorted(r.value for r in rows) == sorted(sent), "values go out byte for byte"
    for number, records in partitions.items():
        times = [r.timestamp for r in records]
        assert times == sorted(times)
        assert all(partition_of(r.key, PARTITIONS) == number for r in records if r.key)
    for row in rows:
        value = orjson.loads(row.value)
        assert row.key == str(value["who"]["id"]).encode()
        assert row.timestamp == value["at"] * 1000 + 2 * HOUR, "event time + delay"

    start, end = DAY_0 * 1000, (DAY_0 + 86_400) * 1000
    for number in range(PARTITIONS):
        beats = [r for r in partitions[number] if r.key is None]
        *regular, last = beats
        assert [b.timestamp for b in regular] == list(range(start + HOUR, start + 7 * HOUR, HOUR))
        assert all(b.headers == [("ebbline-heartbeat", b"1")] for b in beats)
        said = [orjson.loads(b.value)["at"] * 1000 for b in regular]
        assert said == [b.timestamp - 2 * HOUR for b in regular], "complete up to then"
        assert (last.timestamp, orjson.loads(last.value)["at"]) == (end + 1, end / 1000 + 0.001)

    for number, records in read(bootstrap_servers, f"{fresh_name}.calls").items():
        beat = [r for r in records if r.key is None]
        assert all(orjson.loads(b.value)["beat"] is True and not b.headers for b in beat), number
    closed = read(bootstrap_servers, f"{fresh_name}.gone")
    assert {n: [r.timestamp for r in rs] for n, rs in closed.items()} == {
        n: [end + 1] for n in range(PARTITIONS)
    }


def test_an_outage_comes_all_at_once(
    shop: Path, publish: Any, bootstrap_servers: str, fresh_name: str
) -> None:
    outage = "visits=2013-02-01T01:00:00Z..2013-02-01T03:00:00Z"
    done(publish("--source", "visits", str(shop / "visits.jsonl"), "--outage", outage))
    records = [r for rs in read(bootstrap_servers, f"{fresh_name}.visits").values() for r in rs]
    start = DAY_0 * 1000
    assert not [r for r in records if start + HOUR <= r.timestamp < start + 3 * HOUR]
    assert sum(r.timestamp == start + 3 * HOUR for r in records) == 121


def test_a_topic_that_is_not_empty_is_pointed_out(shop: Path, publish: Any) -> None:
    arguments = ("--source", "visits", str(shop / "visits.jsonl"))
    done(publish(*arguments))
    again = publish(*arguments)
    _, err = again.communicate(timeout=PATIENCE)
    assert "not empty" in err
    assert "300 records" in err


def test_a_missing_topic_is_an_error_with_a_remedy(shop: Path, publish: Any) -> None:
    text = (shop / "ebbline.toml").read_text()
    (shop / "ebbline.toml").write_text(text.replace('.visits"', '.nowhere"'))
    process = publish("--source", "visits", str(shop / "visits.jsonl"))
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert ".nowhere" in err
    assert "ebbline topics" in err
    assert "Traceback" not in err


def test_pace_and_an_interrupt_in_the_middle(
    shop: Path, publish: Any, bootstrap_servers: str, fresh_name: str
) -> None:
    process = publish("--source", "visits", str(shop / "visits.jsonl"), "--speed", "120")
    topic = f"{fresh_name}.visits"
    deadline = time.monotonic() + PATIENCE
    while sum(map(len, read(bootstrap_servers, topic).values())) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    there = sum(map(len, read(bootstrap_servers, topic).values()))
    assert there < 300, "five hours at 120 times the speed take minutes: it stopped on the way"
    assert f"STOPPED: {there} of 300 rows" in out
    assert "Traceback" not in err
