"""How far the renewing of scores has come; see models.engine.renewing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.grid import NEVER


@dataclass(slots=True)
class Renewal:
    """How far the renewing has come in a partition. Sources by their place in the configuration.

    owed: sources without which scores may have been told that were not renewed. round: sources
    that the round under way is for, [] = there is none. cursor: users up to this one have been gone
    through in it. at: the check behind which it goes on, None: not known yet. last: the one at
    which it went on last. settled: sources that were fresh at the last check, with nothing old
    coming in.
    """

    owed: list[int] = field(default_factory=list)
    round: list[int] = field(default_factory=list)
    cursor: str = ""
    at: int | None = None
    last: int = NEVER
    settled: list[int] = field(default_factory=list)

    @property
    def pending(self) -> bool:
        """Whether there may be scores to renew."""
        return bool(self.owed or self.round)

    def owe(self, sources: Sequence[int]) -> None:
        """Scores may be told without these sources."""
        if not self.pending:
            self.settled = []
        self.owed = sorted({*self.owed, *sources})

    def plan(self, settled: Sequence[int], at: int | None) -> None:
        """At a check: go on with the round, or begin one.

        A source's data has landed when two checks in a row find it settled. at: when; None: not
        behind this check.
        """
        landed = [s for s in settled if s in self.settled]
        self.settled = list(settled)
        self.owe([s for s in self.round if s not in landed])
        self.round = [s for s in self.round if s in landed]
        if not self.round:
            self.cursor = ""
            self.round = [s for s in self.owed if s in landed]
            self.owed = [s for s in self.owed if s not in landed]
        self.at = at if self.round else None

    def go_on(self, time: int, until: str) -> None:
        """Users up to ``until`` are gone through now; "": all of them."""
        self.cursor, self.at, self.last = until, None, time
        if not until:
            self.round = []

    def overtaken(self) -> None:
        """Everyone at risk is about to be scored anyway."""
        self.owed, self.round, self.cursor, self.at = [], [], "", None
