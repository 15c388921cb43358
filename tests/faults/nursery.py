"""Worker processes by the dozen: forked from one process that has imported everything already.

A worker spends two seconds of CPU on imports. A process that has done nothing but import them has
no threads and no connections, so a fork of it is as good as new. The children are real
processes, with a pid to be killed by, and restart themselves by exec like any other.

    parent ── one line of JSON: what to run ──► nursery ──fork──► worker
           ◄── one line of JSON: pid ──────────
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


class Nursery:
    """The parent's side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.close)

    def ask(self, question: Mapping[str, Any]) -> Any:
        """Send a line, read a line."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            stdin.write(orjson.dumps(question) + b"\n")
            stdin.flush()
            return orjson.loads(stdout.readline())

    def close(self) -> None:
        """End it; it kills what it still has."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:  # a machine that is more than busy
                self._process.kill()


_nurseries: list[Nursery] = []


@dataclass(frozen=True, slots=True)
class Child:
    """A worker process. As subprocess.Popen, where it has methods of the same names."""

    nursery: Nursery
    pid: int

    def poll(self) -> int | None:
        """The exit code, -signal for a death by signal; None while it lives."""
        code: int | None = self.nursery.ask({"poll": self.pid})
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """Wait for its end; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} lives on after {seconds:g} s")
            time.sleep(0.05)
        return code


def spawn(arguments: list[str], environment: Mapping[str, str], log: Path) -> Child:
    """Start ``python -m tests.faults.worker`` with arguments and environment."""
    if not _nurseries:
        _nurseries.append(Nursery())
    nursery = _nurseries[0]
    question = {"arguments": arguments, "environment": dict(environment), "log": str(log)}
    return Child(nursery, nursery.ask(question))


# --- the nursery's side --------------------------------------------------------------------------


class _Wards:
    """What is known of the children."""

    def __init__(self) -> None:
        self._codes: dict[int, int] = {}
        self._alive: set[int] = set()

    def answer(self, question: dict[str, Any]) -> Any:
        if "poll" in question:
            return self._poll(question["poll"])
        pid = os.fork()
        if pid == 0:
            _become_worker(question)
        self._alive.add(pid)
        return pid

    def _poll(self, pid: int) -> int | None:
        if pid in self._alive:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._alive.remove(pid)
                self._codes[pid] = os.waitstatus_to_exitcode(status)
        return self._codes.get(pid)

    def kill_all(self) -> None:
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)


def _become_worker(question: dict[str, Any]) -> None:
    from tests.faults.worker import main

    log = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(question["environment"])
    sys.orig_argv[:] = [sys.executable, "-m", "tests.faults.worker", *question["arguments"]]
    sys.argv[:] = ["tests.faults.worker", *question["arguments"]]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001  # the fork must not go on as a nursery
        import traceback

        traceback.print_exc()
        os._exit(1)


def _serve() -> None:
    import tests.faults.worker  # noqa: F401  # everything that a worker needs

    wards = _Wards()
    for line in sys.stdin.buffer:
        answer = wards.answer(orjson.loads(line))
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()
    wards.kill_all()


if __name__ == "__main__":
    _serve()
