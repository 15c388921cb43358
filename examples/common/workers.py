"""Ebbline's own processes: started, watched until everything is processed, stopped."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.config import Config
from streams.embedded.ports import free_port
from streams.embedded.process import OwnedProcess
from streams.topics.clients import KafkaClients, opened
from streams.topics.reading import ends
from streams.watch.follow import group_lags

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = [sys.executable, "-c", "from streams.cli import main; main()", "worker"]
_LOOK_SECONDS = 1.0
_STUCK_SECONDS = 300.0
_STOP_SECONDS = 30.0

Watcher = Callable[[int, int], None]
"""Told how many input records are still to come, and how many scores are out."""


class WorkersFailed(RuntimeError):
    """A worker ended, or nothing moves any more. The message has the end of its log."""


@contextmanager
def workers(config: Path, environment: dict[str, str], count: int, logs: Path) -> Iterator[Workers]:
    """One trainer and ``count`` scoring workers; stopped when the block is left."""
    key = os.environ.get("EBBLINE_SIGNING_KEY") or secrets.token_hex(32)
    env = {**os.environ, **environment, "EBBLINE_SIGNING_KEY": key, "PYTHONPATH": str(ROOT)}
    roles = [("train", "train"), *((f"score-{n + 1}", "score") for n in range(count))]
    started: list[OwnedProcess] = []
    try:
        for name, role in roles:
            arguments = ["--config", str(config), "--roles", role, "--web-port", str(free_port())]
            output = logs / f"{name}.log"
            started.append(OwnedProcess([*_COMMAND, *arguments], name=name, output=output, env=env))
        yield Workers(started)
    finally:
        for process in started:
            process.terminate(_STOP_SECONDS)


class Workers:
    """The running processes."""

    def __init__(self, processes: list[OwnedProcess]) -> None:
        self._processes = processes

    def wait_until_done(self, config: Config, clients: KafkaClients, watch: Watcher) -> None:
        """Return when the group has committed the end of every input topic.

        Outputs are acknowledged before offsets are committed, so all of them are out then.
        Raises WorkersFailed.
        """
        moved, last = time.monotonic(), -1
        with opened(clients.consumer()) as consumer, opened(clients.admin()) as admin:
            while True:
                self._check()
                lags = group_lags(admin, consumer, config)
                left = -1 if lags is None else sum(lags.values())
                scores = sum(ends(consumer, [config.topics.scores]).values())
                watch(left, scores)
                if left == 0:
                    return
                if left + scores != last:
                    moved, last = time.monotonic(), left + scores
                if time.monotonic() - moved > _STUCK_SECONDS:
                    raise WorkersFailed(self._report(f"nothing moves, {left:,} records are left"))
                time.sleep(_LOOK_SECONDS)

    def _check(self) -> None:
        for process in self._processes:
            if not process.alive:
                raise WorkersFailed(process.report("ended too early", process.output))

    def _report(self, what: str) -> str:
        return "\n".join(process.report(what, process.output) for process in self._processes)
