"""A sampling profiler: where this process's CPU time goes, for a few per cent of it.

The kernel sends a signal every few milliseconds of the process's CPU time (all threads); the
handler, which Python runs in the main thread, notes the innermost function of Ebbline's own on the
main thread's stack, and what it was calling. Time of other threads (fetching) shows as waiting.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

import orjson

EVERY_SECONDS = 0.005
OWN = ("streams/", "models/", "schemas/")
ENTRY = ("streams/worker.py", "streams/cli/")
"""They run the event loop: everything is below them."""
ROOT = str(Path(__file__).resolve().parents[1])
WAITING = "waiting, or the fetching thread"


class Sampler:
    """Counts samples: inside each own function, and below it by what it was calling."""

    def __init__(self) -> None:
        self._inside: Counter[str] = Counter()
        self._below: Counter[str] = Counter()
        signal.signal(signal.SIGPROF, self._note)  # only the main thread may

    def start(self) -> None:
        """Begin; from any thread."""
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def stop(self, target: Path) -> None:
        """End, and write ``{"inside": {function: samples}, "below": {…}}``."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        found = {"inside": self._inside.most_common(), "below": self._below.most_common()}
        target.write_bytes(orjson.dumps({key: dict(counts) for key, counts in found.items()}))

    def _note(self, _: int, frame: FrameType | None) -> None:
        own, callee = _innermost(frame)
        self._inside[own] += 1
        self._below[f"{own} → {callee}" if callee else own] += 1


def _innermost(frame: FrameType | None) -> tuple[str, str | None]:
    """Own function, and the library's function that it (indirectly) runs."""
    callee = None
    while frame is not None:
        code = frame.f_code
        path = code.co_filename.removeprefix(ROOT).lstrip("/")
        if path.startswith(OWN) and not path.startswith(ENTRY):
            return f"{path}: {code.co_qualname}", callee
        callee = callee or f"{Path(code.co_filename).stem}.{code.co_qualname}"
        frame = frame.f_back
    if callee is not None and callee.startswith("selectors."):
        return WAITING, None
    return "Faust, asyncio and Python itself", callee
