"""What is known of a source in one partition, besides its two clocks: the evidence of its health.

What comes between two checks is only gathered, in forms that can be merged and do not depend on
how the records were cut into batches. What is learned from it changes at the checks alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.grid import NEVER, Bool, Int


@dataclass(slots=True)
class Evidence:
    """One source in one partition. heard: the partition's clock at its newest usable event."""

    heard: int = NEVER

    def gather(self, clocks: Int, usable: Bool) -> None:
        """Take in a run of records. clocks: the partition's clock at each; usable: events."""
        if usable.any():
            self.heard = int(clocks[np.flatnonzero(usable)[-1]])
