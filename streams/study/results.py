"""What a study has found, over seeds: figures, regrets, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from streams.study.figures import Bands, regrets, together
from streams.study.running import LEARNED
from streams.study.staleness import Cell

NOTES_SET = ("latest", "lag_trained", "consistent", "degrade")
"""What the notes' study measured regret against; the nowcast is not among them."""


@dataclass(frozen=True, slots=True)
class Results:
    """All runs of a study."""

    cells: Sequence[Cell]

    @property
    def conditions(self) -> list[str]:
        """Names, in their order."""
        return list(dict.fromkeys(cell.condition for cell in self.cells))

    @property
    def models(self) -> list[str]:
        """Names, in their order."""
        return list(dict.fromkeys(cell.model for cell in self.cells))

    @property
    def policies(self) -> list[str]:
        """Every policy that said anything, the mixture of them last."""
        found = dict.fromkeys(policy for cell in self.cells for policy in cell.found)
        return [*(p for p in found if p != LEARNED), *(p for p in found if p == LEARNED)]

    @property
    def fixed(self) -> list[str]:
        """Policies that don't change their mind."""
        return [policy for policy in self.policies if policy != LEARNED]

    def of(self, condition: str, model: str) -> list[Cell]:
        """The runs of a condition and a model, one for each seed."""
        return [c for c in self.cells if (c.condition, c.model) == (condition, model)]

    def mean(self, condition: str, model: str, policy: str, figure: str) -> float:
        """A figure over seeds."""
        found = [c.found[policy][figure] for c in self.of(condition, model) if policy in c.found]
        return fmean(found) if found else float("nan")

    def bands(self, condition: str, model: str, policy: str) -> Bands:
        """Reliability over seeds: of each tenth of the scores the mean said, and what came true."""
        return together([c.bands[policy] for c in self.of(condition, model) if policy in c.bands])

    def regrets(
        self, policy: str, model: str, condition: str | None = None, among: Sequence[str] = ()
    ) -> list[float]:
        """Nats lost against the best of ``among`` (default: all fixed policies) in hindsight.

        One for each condition and seed.
        """
        cells = [c for c in self.cells if c.model == model and condition in (None, c.condition)]
        every = [regrets(cell.found, among or self.fixed) for cell in cells]
        return [one[policy] for one in every if policy in one]

    def document(self) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
        """Condition → model → policy → figures; over seeds, and each seed's own."""
        return {
            condition: {model: self._policies(condition, model) for model in self.models}
            for condition in self.conditions
        }

    def _policies(self, condition: str, model: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for policy in self.policies:
            own = self.regrets(policy, model, condition)
            if own:
                found[policy] = {
                    "log_loss": self.mean(condition, model, policy, "log_loss"),
                    "auc": self.mean(condition, model, policy, "auc"),
                    "regret": fmean(own),
                    "regret_worst": max(own),
                    "regret_by_seed": own,
                    "reliability": self.bands(condition, model, policy),
                }
        return found
