"""The story of the first minute: the model learns, a source is cut, restored, and it shows.

Times are those of a clock that the caller reads; on a slow machine each part of the story waits
until the part before has been seen, so that the demo takes longer rather than claims too early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Act = Literal["learning", "cut", "restored", "over"]

CUT_AT, RESTORE_AFTER = 0.38, 0.22  # parts of the whole
SEEN_CUTS = 2  # schedule points that must show a change before the story goes on


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been seen so far.

    learned: a model that is better than chance scores, and has caught up with the simulated
    present. stalled, fresh: cuts that say so of the source, since it was cut and since it was
    restored.
    """

    learned: bool = False
    stalled: int = 0
    fresh: int = 0


class Director:
    """Decides when the next act begins.

    Parameters
    ----------
    total
        Seconds that the story should take.
    patience
        Seconds that it may take longer.
    """

    def __init__(self, total: float, patience: float) -> None:
        self.act: Act = "learning"
        self._total = total
        self._patience = patience
        self._cut_at = 0.0

    def step(self, elapsed: float, progress: Progress) -> Act | None:
        """Name the act that begins now, if one does."""
        following = self._following(elapsed, progress)
        if following is not None:
            self.act = following
        return following

    def _following(self, elapsed: float, progress: Progress) -> Act | None:
        if elapsed >= self._total + self._patience:
            return "over" if self.act != "over" else None
        match self.act:
            case "learning" if progress.learned and elapsed >= CUT_AT * self._total:
                self._cut_at = elapsed
                return "cut"
            case "cut" if self._cut_is_long(elapsed) and progress.stalled >= SEEN_CUTS:
                return "restored"
            case "restored" if elapsed >= self._total and progress.fresh >= SEEN_CUTS:
                return "over"
        return None

    def _cut_is_long(self, elapsed: float) -> bool:
        return elapsed >= self._cut_at + RESTORE_AFTER * self._total
