"""When a process must end, and how: nothing is swallowed.

Three ways: in order (told to stop), by an error that needs somebody (exit code 1, the message
names the remedy), or by one that beginning anew puts right: what is in memory is no longer what
the durable state says. Then the process becomes a fresh one of itself, with the same command and
the same process id.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

SPACING = 5.0
"""Seconds a process lives at least before it begins anew, so that a lasting fault is no storm."""

_BORN = time.monotonic()


class Fatal(Exception):
    """The process cannot go on. The message names the cause and the remedy."""


class StartAnew(Exception):
    """What the process holds in memory is no longer right; nothing durable is wrong."""


class Crashed(StartAnew):
    """A service below has crashed; whatever else fails then is a consequence."""


class Supervisor:
    """Remembers the first failure and wakes whoever waits for the end.

    stuck: something that was told to stop does not; the process ends without waiting for it.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.stuck = False
        self._ended = asyncio.Event()
        self._told_to_stop = asyncio.Event()

    def fail(self, error: BaseException) -> None:
        """End the process with an error: the first one counts, or the cause behind it."""
        behind = isinstance(error, Crashed) and not isinstance(self.error, Fatal)
        if self.error is None or behind:
            self.error = error
        self._ended.set()

    def stop(self) -> None:
        """End the process in order."""
        self._told_to_stop.set()
        self._ended.set()

    async def ended(self) -> None:
        """Wait for either."""
        await self._ended.wait()

    async def may_start_anew(self, ready: Callable[[], Awaitable[bool]]) -> bool:
        """Wait until the process is old enough, and until ready; False when told to stop."""
        pause = max(0.0, SPACING - (time.monotonic() - _BORN))
        while await self._rest(pause):
            if await ready():
                return True
            pause = SPACING
        return False

    async def _rest(self, seconds: float) -> bool:
        """Wait; False when told to stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._told_to_stop.wait(), seconds)
        return not self._told_to_stop.is_set()


def start_anew() -> NoReturn:
    """Become the command that was started. Open files and sockets are closed by that (PEP 446)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # no shell wanted
