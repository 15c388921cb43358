"""The README's way from nothing to the first score: init, check, topics, worker, an event."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.patience import PATIENCE

INPUTS = ("events.usage", "events.billing", "events.support", "events.outcomes")
OUTPUTS = ("scores", "sources", "deadletter", "examples", "models", "drift")


class Newcomer:
    """Someone in an empty folder with the README in hand."""

    def __init__(self, folder: Path, servers: str, redis_url: str, app: str) -> None:
        self.folder = folder
        self.servers = servers
        self.app = app
        self.environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "REDIS_URL": redis_url,
            "EBBLINE_SIGNING_KEY": "0123456789abcdef0123456789abcdef",
        }
        self.environment.pop("EBBLINE_CONFIG", None)

    def ebbline(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "streams.cli", *words],
            cwd=self.folder,
            env=self.environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def use_own_topics(self) -> None:
        """What a newcomer on a shared broker does: names of one's own."""
        file = self.folder / "ebbline.toml"
        text = file.read_text().replace('"my-app"', f'"{self.app}"').replace("8080", "0")
        for topic in (*INPUTS, *(f"churn.{name}" for name in OUTPUTS)):
            text = text.replace(f'"{topic}"', f'"{self.app}.{topic}"')
        file.write_text(text)

    def worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "streams.cli", "worker"],
                cwd=self.folder,
                env=self.environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=log,
                stderr=log,
            )

    def first_score(self, seconds: float) -> dict:
        consumer = KafkaConsumer(bootstrap_servers=self.servers)
        topic = f"{self.app}.churn.scores"
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                for records in consumer.poll(500).values():
                    return orjson.loads(records[0].value)
        finally:
            consumer.close()
        pytest.fail(f"no score\n{(self.folder / 'worker.log').read_text()[-4000:]}")


@pytest.fixture
def newcomer(services, redis_url: str, fresh_name: str, tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path, services.bootstrap_servers, redis_url, fresh_name)


def test_from_init_to_the_first_score(newcomer: Newcomer) -> None:
    newcomer.ebbline("init")
    newcomer.use_own_topics()
    newcomer.ebbline("config", "check")
    assert json.loads(newcomer.ebbline("config", "schema"))["type"] == "object"
    newcomer.ebbline("topics", "create", "--partitions", "2")
    worker = newcomer.worker()
    try:
        producer = KafkaProducer(bootstrap_servers=newcomer.servers)
        event = {"customer": 42, "created": int(time.time()), "type": "payment_failed"}
        topic = f"{newcomer.app}.events.billing"
        producer.send(topic, key=b"42", value=orjson.dumps(event)).get(30)
        producer.close()
        score = newcomer.first_score(PATIENCE)
        assert (score["user"], score["model"]["version"]) == ("42", 0)
        assert score["probability"] == 0.05, "nothing learned yet: the configured prior"
        assert score["cause"].startswith(f"event:{topic}-")
        assert score["sources"]["billing"]["health"] == "fresh"
        assert score["sources"]["usage"]["health"] == "unknown"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    finally:
        worker.kill()
        worker.wait()
    assert sorted(path.name for path in newcomer.folder.iterdir()) == ["ebbline.toml", "worker.log"]
