"""A rekeying worker that kills itself around one of its sends, before it has committed.

``python -m tests.integration.dying half|all N ebbline's words``: at the N-th send, having sent half
of the copies, or all of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from streams.cli import main as ebbline
from streams.rekey.sender import CopySender


def main() -> None:
    """Be a worker that dies."""
    send, sends, (share, after, *words) = CopySender.send, 0, sys.argv[1:]

    async def dying(self: CopySender, copies: list[Any]) -> None:
        nonlocal sends
        sends += 1
        if sends == int(after) and share == "half":
            copies = [some[: len(some) // 2] for some in copies]
        await send(self, copies)
        if sends == int(after):
            await asyncio.sleep(0.6)  # a commit that was made too early would get out now
            os.kill(os.getpid(), signal.SIGKILL)

    CopySender.send = dying  # type: ignore[method-assign,assignment]
    sys.argv[1:] = words
    ebbline()


if __name__ == "__main__":
    main()
