"""The example for downstream services does what it says, as a process on a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from kafka import KafkaAdminClient, TopicPartition

from schemas.codec import encode
from schemas.scores import ModelRef, Reason, Score, SourceState
from tests.patience import PATIENCE

SCRIPT = Path(__file__).parents[2] / "examples" / "downstream" / "subscribe.py"


def score(number: int, band: str = "high") -> Score:
    return Score(
        id=f"id-{number}",
        app="shop",
        user=f"user-{number}",
        time="2026-01-01T00:00:00Z",
        horizon_s=1,
        cause="schedule",
        probability=0.5,
        band=band,
        model=ModelRef("champion", 1, "2026-01-01T00:00:00Z"),
        feature_set="fs",
        policy="latest",
        sources={"usage": SourceState("2026-01-01T00:00:00Z", 1.0, "stalled", "latest")},
        reasons=[Reason("n", 1.0, 0.5, "visits")],
        emitted_at="2026-01-01T00:00:00Z",
    )


def row(made: Score, **added: Any) -> tuple[str, bytes]:
    content = encode(made) if not added else orjson.dumps({**asdict(made), **added})
    return made.user, content


@contextmanager
def running(servers: str, topic: str, log: Path) -> Iterator[None]:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "SCORES_TOPIC": topic,
        "GROUP": topic,
        "APP": "shop",
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], env=environment, stdout=output, stderr=output
        )
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_it_acts_once_on_each_high_risk_and_commits_after_acting(
    bootstrap_servers: str, make_topics: Any, produce: Any, fresh_name: str, tmp_path: Path
) -> None:
    [topic] = make_topics(fresh_name, partitions=2)
    log = tmp_path / "log"
    log.touch()
    first = [
        row(score(1)),
        row(score(2, band="low")),
        row(score(1)),
        ("user-0", b"not a score"),
        row(score(3), a_field_of_tomorrow={"x": 1}, schema_version=99),
        row(score(9), app="another"),
    ]
    produce(topic, first)
    with running(bootstrap_servers, topic, log):
        wait_for(log, "user-3")
        produce(topic, [row(score(3)), row(score(4))])
        wait_for(log, "user-4")
    offers = [line for line in log.read_text().splitlines() if line.startswith("offer")]
    assert sorted(line.split()[2] for line in offers) == ["user-1:", "user-3:", "user-4:"]
    assert "because of visits (not up to date: usage)" in offers[0]

    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    partitions = [TopicPartition(topic, n) for n in (0, 1)]
    committed = admin.list_group_offsets({topic: partitions})[topic]
    admin.close()
    assert sum(entry.offset for entry in committed.values()) == len(first) + 2

    produce(topic, [row(score(5))])
    with running(bootstrap_servers, topic, log):
        wait_for(log, "user-5")
    assert log.read_text().count("offer") == 4
