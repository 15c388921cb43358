"""When a process must end: nothing is swallowed, and the supervisor outside starts it anew."""

from __future__ import annotations

import asyncio


class Fatal(Exception):
    """The process cannot go on. The message names the cause and the remedy."""


class Supervisor:
    """Remembers the first failure and wakes whoever waits for the end.

    stuck: something that was told to stop does not; the process ends without waiting for it.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.stuck = False
        self._ended = asyncio.Event()

    def fail(self, error: BaseException) -> None:
        """End the process with an error; only the first one counts."""
        if self.error is None:
            self.error = error
        self._ended.set()

    def stop(self) -> None:
        """End the process in order."""
        self._ended.set()

    async def ended(self) -> None:
        """Wait for either."""
        await self._ended.wait()
