"""Child processes are ours: they end by their own id, with their group, and with us."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from streams.embedded import ServiceUnavailable
from streams.embedded.ports import LOOPBACK, free_port, is_free
from streams.embedded.process import OwnedProcess

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(60)"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's notice is Linux's")


def ended(pid: int, within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def start(code: str, tmp_path: Path) -> OwnedProcess:
    return OwnedProcess([sys.executable, "-c", code], name="It", output=tmp_path / "out")


def test_terminate_lets_it_end_in_order(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    child = start(code, tmp_path)
    child.wait_until(lambda: "up" in child.output.read_text(), timeout=10)
    child.terminate(10)
    assert not child.alive
    assert child.output.read_text().split() == ["up", "bye"]


def test_terminate_kills_what_does_not_listen(tmp_path: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    child = start(code, tmp_path)
    child.wait_until(lambda: "up" in child.output.read_text(), timeout=10)
    child.terminate(0.2)
    assert not child.alive


@linux_only
def test_kill_takes_the_group_along(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        "print(p.pid, flush=True)\n"
        "p.wait()"
    )
    child = start(code, tmp_path)
    child.wait_until(lambda: child.output.read_text().strip() != "", timeout=10)
    grandchild = int(child.output.read_text())
    child.kill()
    child.kill()
    assert ended(child.pid)
    assert ended(grandchild)


def test_an_early_end_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    child = start("print('no such setting: x'); raise SystemExit(3)", tmp_path)
    with pytest.raises(ServiceUnavailable, match=r"(?s)ended with 3.*no such setting: x"):
        child.wait_until(lambda: False, timeout=10)


def test_one_that_never_answers_is_ended(tmp_path: Path) -> None:
    child = start(SLEEP, tmp_path)
    with pytest.raises(ServiceUnavailable, match=r"did not answer in 0.1 s"):
        child.wait_until(lambda: False, timeout=0.1)
    assert not child.alive


@linux_only
def test_it_dies_when_we_are_killed(tmp_path: Path) -> None:
    parent = (
        "import os, pathlib, sys\n"
        "from streams.embedded.process import OwnedProcess\n"
        f"child = OwnedProcess([sys.executable, '-c', {SLEEP!r}], name='c',"
        f" output=pathlib.Path({str(tmp_path / 'out')!r}))\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert ended(int(done.stdout))


def test_one_from_a_short_thread_outlives_the_thread(tmp_path: Path) -> None:
    made: list[OwnedProcess] = []
    thread = threading.Thread(target=lambda: made.append(start(SLEEP, tmp_path)))
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert made[0].alive
    made[0].kill()


def test_ports_are_free_and_not_the_kernel_s_to_hand_out() -> None:
    port = free_port()
    assert port < 32_768
    with socket.socket() as taken:
        taken.bind((LOOPBACK, port))
        taken.listen()
        assert not is_free(port)
