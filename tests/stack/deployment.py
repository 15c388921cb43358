"""A deployment of docker-compose.yml under a project name of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition

from streams.embedded.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
APP = "simulated"
HEALTH_SECONDS = 180
_FORMAT = "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"


def compose_command() -> list[str] | None:
    """`docker compose`, or the older `docker-compose`; None where there is neither."""
    if shutil.which("docker") and _works(["docker", "compose", "version"]):
        return ["docker", "compose"]
    if shutil.which("docker-compose") and _works(["docker-compose", "version"]):
        return ["docker-compose"]
    return None


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Deployment:
    """What the compose file starts. Its broker answers on a free port of this machine."""

    def __init__(self, compose: list[str]) -> None:
        self._compose = compose
        self._port = free_port()
        self.project = f"ebbline-test-{uuid.uuid4().hex[:8]}"
        self._environment = {
            **{key: value for key, value in os.environ.items() if key != "EBBLINE_CONFIG"},
            "COMPOSE_PROJECT_NAME": self.project,
            "EBBLINE_KAFKA_PORT": str(self._port),
            "EBBLINE_SIGNING_KEY": "k" * 64,
        }

    def run(self, *arguments: str) -> str:
        """A command of compose; what it printed. An AssertionError with all of it if it fails."""
        done = subprocess.run(
            [*self._compose, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"compose {arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self) -> None:
        """`docker compose up --detach`, until everything that lasts is healthy.

        While a service that others wait for is not healthy again after a crash, the command fails.
        """
        deadline = time.monotonic() + HEALTH_SECONDS
        while not self._brought_up():
            assert time.monotonic() < deadline, self.run("up", "--detach")
            time.sleep(2)
        while bad := self._not_healthy():
            if time.monotonic() > deadline:
                raise AssertionError(f"not healthy: {bad}\n{self.logs()}")
            time.sleep(1)

    def _brought_up(self) -> bool:
        try:
            self.run("up", "--detach")
        except AssertionError:
            return False
        return True

    def docker(self, *arguments: str, service: str) -> str:
        """`docker kill` and the like, of a service's only container; what it printed."""
        command = ["docker", *arguments, self.container(service)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def container(self, service: str) -> str:
        """Id of a service's only container."""
        (found,) = self.run("ps", "-q", service).split()
        return found

    def logs(self) -> str:
        """The end of everybody's log."""
        return self.run("logs", "--tail", "40")

    def scores(self) -> dict[int, list[dict[str, Any]]]:
        """Every record on the score topic, up to now, by partition."""
        consumer = KafkaConsumer(
            bootstrap_servers=f"127.0.0.1:{self._port}", enable_auto_commit=False
        )
        try:
            topic = f"{APP}.churn.scores"
            places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends = consumer.end_offsets(places)
            found: dict[int, list[dict[str, Any]]] = {place.partition: [] for place in places}
            while any(consumer.position(place) < end for place, end in ends.items()):
                for place, records in consumer.poll(timeout_ms=500).items():
                    found[place.partition] += [orjson.loads(record.value) for record in records]
            return found
        finally:
            consumer.close()

    def _not_healthy(self) -> dict[str, str]:
        states = {}
        for service in ("kafka", "redis", "worker", "trainer", "simulator"):
            wanted = "running" if service == "simulator" else "running healthy"
            state = self.docker("inspect", "--format", _FORMAT, service=service)
            if state != wanted:
                states[service] = state
        return states
