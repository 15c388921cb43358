"""The demo as a stranger runs it: the real command, its claims, and its ending in order.

Slow: a minute each of simulated users, a worker and a trainer as processes of their own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from kafka import KafkaAdminClient

from streams.demo.claims import CLAIMS
from streams.embedded import Services
from tests.patience import PATIENCE

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--no-web"]
MOST_S = 300
ADDRESSES = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")


def environment(**addresses: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ADDRESSES}
    return {**kept, **addresses, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def run(*options: str, **addresses: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options],
        env=environment(**addresses),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MOST_S,
        check=False,
    )


def processes_of(folder: Path) -> list[int]:
    """Processes that were started with the folder's configuration."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder / "ebbline.toml").encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue  # it has just ended
    return found


def assert_all_claims_hold(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    held = [line for line in done.stdout.splitlines() if line.split()[:1] == ["ok"]]
    assert len(held) == len(CLAIMS)
    assert "all of it was seen" in done.stdout


def test_headless_demo_shows_what_it_claims(tmp_path):
    done = run("--for", "60s", "--logs", str(tmp_path))
    assert_all_claims_hold(done)
    summary = done.stdout
    assert "It keeps nothing" in summary
    figures = re.search(r"AUC +([0-9.]+) \(chance 0.500, oracle ([0-9.]+)\)", summary)
    assert figures is not None
    assert 0.6 <= float(figures[1]) <= float(figures[2]) + 0.05
    assert re.search(r"stalled +[1-9][0-9,]* scores said", summary)
    assert processes_of(tmp_path) == []
    assert "Traceback" not in (tmp_path / "score.log").read_text()
    assert "Traceback" not in (tmp_path / "train.log").read_text()


def test_on_real_services_it_leaves_nothing_behind(services: Services, redis_url: str, tmp_path):
    kafka = services.bootstrap_servers
    addresses = {"KAFKA_BOOTSTRAP_SERVERS": kafka, "REDIS_URL": redis_url}
    done = run("--for", "30s", "--logs", str(tmp_path), **addresses)
    assert_all_claims_hold(done)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        assert [topic for topic in admin.list_topics() if "ebbline-demo" in topic] == []
    finally:
        admin.close()
    client = redis.Redis.from_url(redis_url)
    assert list(client.scan_iter(match="*ebbline-demo*")) == []
    client.close()


@pytest.fixture
def started(tmp_path):
    """A demo whose processes are running; ended with its group whatever happens."""
    demo = subprocess.Popen(
        [*COMMAND, "--logs", str(tmp_path)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while len(processes_of(tmp_path)) < 2 or not (tmp_path / "score.log").is_file():
            assert time.monotonic() < deadline, "the processes did not start"
            assert demo.poll() is None, demo.stdout
            time.sleep(0.1)
        time.sleep(3)
        yield demo
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
        demo.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_in_seconds(started, tmp_path, number):
    began = time.monotonic()
    started.send_signal(number)
    output, _ = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, output
    assert "stopped before the claims could be judged" in output
    assert processes_of(tmp_path) == []
    assert time.monotonic() - began < 60  # about 3 s on a quiet machine


def test_a_child_that_dies_is_reported_with_its_log(started, tmp_path):
    victim = next(p for p in processes_of(tmp_path) if b"train" in _command_line(p))
    os.kill(victim, signal.SIGKILL)
    output, _ = started.communicate(timeout=PATIENCE)
    assert started.returncode == 1
    assert "process with role train has ended unexpectedly" in output
    assert str(tmp_path / "train.log") in output
    assert processes_of(tmp_path) == []


def test_children_do_not_outlive_a_killed_demo(started, tmp_path):
    started.kill()
    started.communicate(timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while processes_of(tmp_path):
        assert time.monotonic() < deadline, "children go on without their parent"
        time.sleep(0.2)


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
