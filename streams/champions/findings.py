"""A diagnosis as tables for a terminal, a picture, and plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from models.learning.advice import advise
from models.learning.calibration import Group, calibration, worst
from models.learning.diagnosis import ByEpoch, Diagnosis, diagnose
from models.spec import Spec
from streams.champions.curves import picture


@dataclass(frozen=True, slots=True)
class Findings:
    """A diagnosis, its advice, and how true the probabilities were."""

    spec: Spec
    found: Diagnosis
    groups: Sequence[Group]
    advice: Sequence[str]

    @classmethod
    def of(cls, spec: Spec, by_epoch: ByEpoch, segment: str | None) -> Findings:
        """Diagnose; raises TooFewExamplesError."""
        found = diagnose(spec, by_epoch)
        groups, advice = calibration(spec, found.compared, segment), advise(found)
        off = worst(groups)
        if off is not None:
            advice.append(
                f"Furthest off is {off.by} {off.name}: {off.predicted:.4f} was predicted, "
                f"{off.observed:.4f} came ({off.off:+.1f} standard errors)."
            )
        return cls(spec, found, groups, advice)

    def svg(self) -> str:
        """The learning curves."""
        return picture(self.found, f"{self.spec.app}: {self.spec.model.name}", self.advice[0])

    def plain(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "model": self.spec.model.name,
            "points": [asdict(point) for point in self.found.points],
            "base": self.found.base,
            "forgetting": {"then": self.found.then, "now": self.found.now},
            "calibration": [asdict(group) for group in self.groups],
            "advice": list(self.advice),
        }

    def tables(self) -> Iterator[RenderableType]:
        """Curves, calibration, advice."""
        yield self._curves()
        yield Text(f"log loss, nats; that of the base rate: {self.found.base:.5f}\n")
        yield self._calibration()
        yield Text("")
        yield from (Text(f"→ {sentence}") for sentence in self.advice)

    def _curves(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("users", "learned", "churners", "on learned", "on new", "lower by"):
            table.add_column(title, justify="right")
        for point in self.found.points:
            better = "" if point.better is None else f"{point.better:.5f} ± {point.error or 0:.5f}"
            table.add_row(
                f"{point.share:.1%}",
                f"{point.learned:,}",
                f"{point.positives:,}",
                f"{point.train:.5f}",
                f"{point.prequential:.5f}",
                better,
            )
        return table

    def _calibration(self) -> Table:
        table = Table("by", "group", box=None, pad_edge=False, header_style="dim")
        for title in ("examples", "predicted", "observed", "off by"):
            table.add_column(title, justify="right")
        for group in self.groups:
            table.add_row(
                group.by,
                group.name,
                f"{group.examples:,}",
                f"{group.predicted:.4f}",
                f"{group.observed:.4f}",
                f"{group.off:+.1f} s.e.",
                style="bold" if group.is_off else None,
            )
        return table
