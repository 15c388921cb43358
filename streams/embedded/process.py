"""A child process that is ours: started, watched and ended by its own id, never by its name.

It gets a process group of its own, so that Ctrl-C in the terminal reaches us first and we end it
in order, and so that killing it also kills what it forked. Should we be killed ourselves, the
kernel kills it (Linux), so no broker is left behind by a crashed test run.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from streams.embedded.errors import ServiceUnavailable

_TAIL_BYTES = 4_000

# Runs in the child before the service: asks the kernel for a SIGKILL when the parent ends, leaves
# if the parent is already gone, then BECOMES the service (same pid). A `preexec_fn` could do the
# same, but runs Python between fork and exec, which may deadlock in a program with threads.
_DIE_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def _command(argv: Sequence[str]) -> list[str]:
    # The kernel's notice is bound to the parent's THREAD: a child that a short-lived thread
    # started would die with that thread. There only `atexit` is left.
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *argv]


class OwnedProcess:
    """One run of a program. Output goes to `output`; a finished one is not started again."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        output: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.output = output
        self._owner = os.getpid()
        with output.open("ab") as sink:
            self._popen = subprocess.Popen(
                _command(argv),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=None if env is None else dict(env),
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        return self._popen.poll() is None

    def wait_until(
        self, ready: Callable[[], bool], *, timeout: float, log: Path | None = None
    ) -> None:
        """Return when `ready()` is true; fail if the process ends first or `timeout` s are over."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.alive:
                raise ServiceUnavailable(self.report(f"ended with {self._popen.returncode}", log))
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceUnavailable(self.report(f"did not answer in {timeout:g} s", log))
            time.sleep(0.05)

    def wait(self, timeout: float) -> int:
        """Its exit code, once it has ended by itself; it is killed after `timeout` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout)
        self.kill()
        return self._popen.returncode

    def report(self, what: str, log: Path | None = None) -> str:
        """What went wrong, with the last lines that it and its `log` said, for an error."""
        lines = [f"{self.name} {what} (pid {self.pid})."]
        paths = [self.output] if log is None else [self.output, log]
        lines += [f"--- {path}\n{tail}" for path in paths if (tail := _tail(path))]
        return "\n".join(lines)

    def terminate(self, timeout: float) -> None:
        """Ask it to end (SIGTERM), and kill it if it has not after `timeout` seconds."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End it and its group at once (SIGKILL), as a crash would. Harmless when it has ended."""
        if os.getpid() != self._owner:  # a fork of us inherited the `atexit` entry, not the child
            return
        atexit.unregister(self.kill)
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()


def _tail(path: Path) -> str:
    """The last lines of a log, for an error message; empty if there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace").strip()
