"""What can be made to go wrong with a source while the simulation runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass

CUTTABLE: tuple[str, ...] = ("usage", "billing", "support")
"""Sources that may be cut. Outcomes may not: a missing outcome is a wrong label, not a gap."""


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """A source was cut from ``start`` until ``end`` (None: still is), in simulated time."""

    source: str
    start: int
    end: int | None = None


class Faults:
    """The wishes of whoever plays with the demo; any thread may call it.

    A wish takes effect at the simulator's next hour, which also writes down when that was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cut: frozenset[str] = frozenset()
        self._delays: dict[str, int] = {}

    def cut(self, source: str) -> None:
        """Withhold the source's records from now on."""
        with self._lock:
            self._cut |= {_known(source)}

    def restore(self, source: str) -> None:
        """Let the source's records through again; what was withheld lands at once."""
        with self._lock:
            self._cut -= {_known(source)}

    def delay(self, source: str, by: int) -> None:
        """Make records that happen from now on arrive ``by`` microseconds later; 0 ends it."""
        if by < 0:
            raise ValueError(f"delay of {source} is {by}; it must be 0 or more microseconds")
        with self._lock:
            self._delays[_known(source)] = by

    @property
    def wanted_cut(self) -> frozenset[str]:
        """Sources that are to be cut."""
        with self._lock:
            return self._cut

    def delay_of(self, source: str) -> int:
        """Extra delay of the source's records, in microseconds."""
        with self._lock:
            return self._delays.get(source, 0)


def _known(source: str) -> str:
    if source not in CUTTABLE:
        raise ValueError(f"no source {source!r} to disturb; choose one of {', '.join(CUTTABLE)}")
    return source
