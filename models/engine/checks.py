"""The checks of the sources: what is gathered between two of them, and what is found out at one.

References (what is usual for a source) change only here, at points of the partition's clock, so a
score depends on no batch boundary.
"""

from __future__ import annotations

from models.engine.desk import Desk
from models.engine.intake import Judged


class Checks:
    """What is learned about the sources of a partition."""

    def __init__(self, desk: Desk) -> None:
        self.spec, self.state = desk.spec, desk.state

    def gather(self, s: int, judged: Judged) -> None:
        """Take in judged records of a source; they lie between two checks."""
        self.state.sources[s].evidence.gather(judged.clocks, judged.usable)

    def check(self, time: int) -> None:
        """A check has come: learn from what was gathered since the one before."""
