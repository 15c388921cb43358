"""A study's results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from streams.study.figures import NATS
from streams.study.results import NOTES_SET, Results


def tables(results: Results, policies: Sequence[str]) -> Iterator[RenderableType]:
    """For each model the log loss and AUC of all conditions; then the regrets."""
    for model in results.models:
        yield Text(f"{model}: log loss (AUC)", style="bold")
        yield _figures(results, model, policies)
        yield Text("")
    yield Text("regret against the best fixed policy in hindsight, 1e-4 nats: mean / worst")
    yield _regrets(results, policies, results.fixed)
    yield Text(f"\nthe same against the best of {', '.join(NOTES_SET)} (the notes' study)")
    yield _regrets(results, policies, NOTES_SET)


def _figures(results: Results, model: str, policies: Sequence[str]) -> Table:
    table = Table("condition", box=None, pad_edge=False, header_style="dim")
    for policy in policies:
        table.add_column(policy, justify="right")
    for condition in results.conditions:
        loss = [results.mean(condition, model, policy, "log_loss") for policy in policies]
        rank = [results.mean(condition, model, policy, "auc") for policy in policies]
        best = min(loss)
        cells = [
            Text(f"{one:.4f} ({auc:.3f})", style="bold" if one == best else "")
            for one, auc in zip(loss, rank, strict=True)
        ]
        table.add_row(condition, *cells)
    return table


def _regrets(results: Results, policies: Sequence[str], among: Sequence[str]) -> Table:
    table = Table("model", box=None, pad_edge=False, header_style="dim")
    for policy in policies:
        table.add_column(policy, justify="right")
    for model in results.models:
        found = [results.regrets(policy, model, among=among) for policy in policies]
        table.add_row(
            model,
            *(f"{NATS * fmean(one):+.1f} / {NATS * max(one):+.1f}" if one else "" for one in found),
        )
    return table
