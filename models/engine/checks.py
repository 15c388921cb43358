"""The checks of the sources: what is gathered between two of them, and what is found out at one.

References (what is usual for a source) change only here, at points of the partition's clock, so a
score depends on no batch boundary.
"""

from __future__ import annotations

from models.engine.desk import Desk
from models.engine.intake import Judged
from models.staleness.quality.gate import Gate


class Checks:
    """What is learned about the sources of a partition."""

    def __init__(self, desk: Desk) -> None:
        self.spec, self.state = desk.spec, desk.state
        self.gates = [
            Gate(desk.spec, source, desk.partition, state.quality, state.corrupt)
            for source, state in zip(desk.spec.sources, desk.state.sources, strict=True)
        ]

    def gather(self, s: int, judged: Judged) -> None:
        """Take in judged records of a source; they lie between two checks."""
        self.state.sources[s].evidence.gather(judged.clocks, judged.usable)
        chunk, reached = judged.chunk, judged.course.last_data
        gate = self.gates[s]
        gate.gather(chunk.batch, chunk.arrivals, judged.usable, reached, judged.verdicts)

    def check(self, time: int) -> None:
        """A check has come: learn from what was gathered since the one before."""
        for gate, source in zip(self.gates, self.state.sources, strict=True):
            gate.check(time, source.progress.watermark(gate.source, time))
