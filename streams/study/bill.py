"""The bill: what lateness costs, as a table, as curves, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from models.watch.cost import Cost
from streams.study.figures import NATS
from streams.study.variants import Variant

DEAREST = 20
"""Features that are shown, the dearest first; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Costs of all variants.

    rows, days: matured cuts, those that examples stand for among them, and the time that they span.
    churned: of the cuts. monthly: churners
    in a month, each counted once. saved: the value of a churner who is triggered in time.
    threshold: probability from which on users are triggered.
    """

    costs: dict[Variant, Cost]
    rows: int
    churned: int
    days: float
    monthly: float
    saved: float
    threshold: float

    def dearest(self) -> list[Variant]:
        """Whole sources, the dearest first: by the worst of their lags."""
        sources = [variant for variant in self.costs if variant.feature is None]
        worst: dict[str, Variant] = {}
        for variant in sources:
            known = worst.get(variant.source)
            if known is None or self._loss(variant) > self._loss(known):
                worst[variant.source] = variant
        return sorted(worst.values(), key=self._loss, reverse=True)

    def _loss(self, variant: Variant) -> float:
        return self.costs[variant].log_loss.middle

    def tables(self) -> Iterator[RenderableType]:
        """What each lateness costs, and which source to mend first."""
        yield Text(
            f"{self.rows:,} matured cuts, {self.churned:,} of them before somebody left, "
            f"{self.days:.0f} days; {self.monthly:,.1f} churners a month; users are triggered from "
            f"{self.threshold:g} on, one who is saved is worth {self.saved:g}"
        )
        whole = [variant for variant in self.costs if variant.feature is None]
        yield self._table("source", whole)
        single = [variant for variant in self.costs if variant.feature is not None]
        if single:
            yield Text("")
            dearest = sorted(single, key=self._loss, reverse=True)
            yield self._table("feature", dearest[:DEAREST])
        yield Text("")
        yield from (Text(f"→ {sentence}") for sentence in self.advice())

    def _table(self, title: str, shown: Sequence[Variant]) -> Table:
        table = Table(title, "late by", box=None, pad_edge=False, header_style="dim")
        for name in ("log loss, 1e-4", "AUC", "churners missed a month", "money a month"):
            table.add_column(name, justify="right")
        for variant in shown:
            cost = self.costs[variant]
            loss, auc, missed = cost.log_loss, cost.auc, cost.missed
            money = cost.money(self.saved, self.monthly)
            table.add_row(
                variant.what,
                variant.how,
                f"{NATS * loss.middle:+.1f} ({NATS * loss.low:+.1f} to {NATS * loss.high:+.1f})",
                f"{-auc.middle:+.4f} ({-auc.high:+.4f} to {-auc.low:+.4f})",
                f"{missed.middle * self.monthly:+.1f}",
                f"{money.middle:+,.0f} ({money.low:+,.0f} to {money.high:+,.0f})",
                style="bold" if cost.proven else None,
            )
        return table

    def advice(self) -> Iterator[str]:
        """Is it worth mending, and which first?"""
        proven = [variant for variant in self.dearest() if self.costs[variant].proven]
        if not proven:
            yield "no lateness here costs anything that can be told from chance"
            return
        first = proven[0]
        loss, money = self._loss(first), self.costs[first].money(self.saved, self.monthly)
        how = first.how if first.lag is None else f"late by {first.how}"
        yield (
            f"mend {first.source} first: {how} it costs {NATS * loss:.1f}e-4 nats a score and "
            f"{money.middle:,.0f} a month ({money.low:,.0f} to {money.high:,.0f})"
        )
        others = [variant.source for variant in self.dearest() if variant not in proven]
        if others:
            yield f"of {', '.join(others)} no cost can be told from chance"

    def document(self) -> dict[str, Any]:
        """Everything, for machines: source or feature → how late → figures."""
        found: dict[str, Any] = {
            "rows": self.rows,
            "churned": self.churned,
            "days": self.days,
            "churners_a_month": self.monthly,
            "saved": self.saved,
            "threshold": self.threshold,
            "costs": {},
        }
        for variant, cost in self.costs.items():
            found["costs"].setdefault(variant.what, {})[variant.how] = {
                "source": variant.source,
                "log_loss": list(cost.log_loss),
                "auc": list(cost.auc),
                "missed_a_month": [one * self.monthly for one in cost.missed],
                "money_a_month": list(cost.money(self.saved, self.monthly)),
                "more_triggers": cost.more,
            }
        return found
