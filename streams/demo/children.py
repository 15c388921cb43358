"""The worker and the trainer as processes of their own, which end with this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streams.embedded.process import OwnedProcess

ROLES = ("score", "train")
STOP_S = 8.0
LAST_LINES = 15
_MAIN = "from streams.cli import main; main()"


class ChildDied(RuntimeError):
    """A process that should be running has ended. The message has the end of its log."""


class Children:
    """The processes, by role.

    Parameters
    ----------
    config
        The configuration file.
    folder
        For their logs: ``<role>.log``.
    env
        Variables with addresses and key, on top of this process's own.
    """

    def __init__(self, config: Path, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._running: dict[str, OwnedProcess] = {}
        for role in ROLES:
            self._running[role] = self._start(role, config, env)

    def check(self) -> None:
        """Raise ChildDied if one of them has ended."""
        for role, process in self._running.items():
            if not process.alive:
                raise ChildDied(
                    f"The process with role {role} has ended unexpectedly. The last lines of "
                    f"{self.log_of(role)}:\n{tail(self.log_of(role))}"
                )

    def log_of(self, role: str) -> Path:
        """Where the role's process writes its log."""
        return self._folder / f"{role}.log"

    def stop(self) -> dict[str, int]:
        """Ask all to end, kill those that do not in time; exit codes by role."""
        with ThreadPoolExecutor(len(self._running)) as pool:
            codes = pool.map(_end, self._running.values())
            return dict(zip(self._running, codes, strict=True))

    def _start(self, role: str, config: Path, env: Mapping[str, str]) -> OwnedProcess:
        command = [sys.executable, "-P", "-c", _MAIN, "worker", "--config", str(config)]
        return OwnedProcess(
            [*command, "--roles", role, "--web-port", "0"],
            name=role,
            output=self.log_of(role),
            env={**os.environ, **env, "PYTHONPATH": _import_path()},
        )


def tail(path: Path, lines: int = LAST_LINES) -> str:
    """The last lines of a log; says so where there are none."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(empty)"


def _end(process: OwnedProcess) -> int:
    process.terminate(STOP_S)
    return process.wait(0)


def _import_path() -> str:
    """Where this very code is, installed or a checkout: the children shall run no other."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
