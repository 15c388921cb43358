"""Processes by the dozen: forked from one process that has imported everything already.

A process of ours spends two seconds of CPU on imports. One that has done nothing but import them
has no threads and no connections, so a fork of it is as good as new. The children are real
processes, with a pid to be killed by, and restart themselves by exec like any other.

    parent ── one line of JSON: what to run ──► nursery ──fork──► child
           ◄── one line of JSON: pid ──────────

There are two of them, which take turns: sets and dicts of texts have another order in each (the
seed of ``hash``), and no outcome may depend on that.
"""

from __future__ import annotations

import atexit
import importlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import orjson

from streams.cli import COMMANDS
from tests.patience import PATIENCE

EBBLINE = "streams.cli"
IMPORTED = (EBBLINE, *(module for module, _ in COMMANDS.values()), "tests.faults.worker")
"""What there may be forks of, and what they would import."""


class Nursery:
    """The parent's side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
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
_turns = itertools.cycle(range(2))


@dataclass(slots=True)
class Child:
    """A process. As subprocess.Popen, where it has members of the same names."""

    nursery: Nursery
    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, -signal for a death by signal; None while it lives."""
        if self.returncode is None:
            self.returncode = self.nursery.ask({"poll": self.pid})
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait so many seconds for its end; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} lives on after {timeout:g} s")
            time.sleep(0.05)
        return code


def spawn(
    arguments: list[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    module: str = EBBLINE,
    errors: Path | None = None,
) -> Child:
    """Start ``python -m MODULE`` with arguments and environment: its function ``main``.

    What it writes goes to the log, its standard error too, unless there is another file for it.
    """
    log.write_bytes(b"")  # whoever looks into it finds it there
    turn = next(_turns)
    if turn == len(_nurseries):
        _nurseries.append(Nursery())
    nursery = _nurseries[turn]
    question = {
        "module": module,
        "arguments": arguments,
        "environment": dict(environment),
        "log": str(log),
        "errors": str(errors or log),
    }
    return Child(nursery, nursery.ask(question))


def run(
    arguments: list[str], environment: Mapping[str, str], timeout: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run a command of ``ebbline`` to its end, as subprocess.run; raises TimeoutError."""
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        child = spawn(arguments, environment, out, errors=errors)
        try:
            code = child.wait(timeout)
        finally:
            child.kill()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), errors.read_text())


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
            _become(question)
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


def _become(question: dict[str, Any]) -> None:
    module, arguments = question["module"], question["arguments"]
    nothing = os.open(os.devnull, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    log = os.open(question["log"], flags)
    errors = log if question["errors"] == question["log"] else os.open(question["errors"], flags)
    for source, target in ((nothing, 0), (log, 1), (errors, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(question["environment"])
    sys.orig_argv[:] = [sys.executable, "-m", module, *arguments]
    sys.argv[:] = [module, *arguments]
    try:
        importlib.import_module(module).main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            print(end.code or "", file=sys.stderr)  # noqa: T201  # as Python does
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:  # noqa: BLE001  # the fork must not go on as a nursery
        traceback.print_exc()
        _leave(1)
    _leave(0)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    for module in IMPORTED:
        importlib.import_module(module)
    wards = _Wards()
    for line in sys.stdin.buffer:
        answer = wards.answer(orjson.loads(line))
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()
    wards.kill_all()


if __name__ == "__main__":
    _serve()
