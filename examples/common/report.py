"""The result as a table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def print_report(title: str, result: dict[str, Any]) -> None:
    """Print counts, then the metrics with the cold start and without."""
    console = Console(highlight=False)
    console.print(f"[bold]{title}[/]")
    console.print(f"events in     {result['events']:,} ({_counts(result['events_by_source'])})")
    console.print(f"dead letters  {_counts(result['deadletters']) or 'none'}")
    console.print(f"scores out    {result['scores']:,} ({result['scores_repeated']:,} repeated)")
    console.print(f"not joined    {_counts(result['dropped']) or 'none'}")
    warm = result["without_cold_start"]
    table = Table(box=None, pad_edge=False)
    for name in ("", "rows", "positives", "", "AUC", "log loss"):
        table.add_column(name, justify="left" if not name else "right")
    _rows(table, "all scores", result)
    _rows(table, f"from {warm['from'][:10]} (no cold start)", warm)
    console.print(table)
    if "anchor" in result:
        _anchor(console, result["anchor"])
    console.print(f"{result['seconds']:,.0f} s ({_counts(result['seconds_by_step'])})")


def _rows(table: Table, name: str, result: dict[str, Any]) -> None:
    shown = [
        ("ebbline", result["auc"], result["log_loss"]),
        ("recency only", result["recency"]["auc"], result["recency"]["log_loss"]),
        ("base rate so far", result["base_rate"]["auc"], result["base_rate"]["log_loss"]),
        ("base rate in hindsight", None, result["hindsight_rate"]["log_loss"]),
    ]
    head = [name, f"{result['rows']:,}", f"{result['positives']:,}"]
    for rule, auc, loss in shown:
        table.add_row(*head, rule, _metric(auc, 3), _metric(loss, 4))
        head = ["", "", ""]


def _anchor(console: Console, anchor: dict[str, Any]) -> None:
    """Ebbline beside the batch learner, on the cuts that became examples."""
    table = Table(box=None, pad_edge=False)
    for name in ("learned cuts", "rows", "positives", "", "AUC", "log loss"):
        table.add_column(name, justify="right" if name and name != "learned cuts" else "left")
    warm = anchor["without_cold_start"]
    for name, figures in (("all", anchor), (f"from {warm['from'][:10]} (no cold start)", warm)):
        head = [name, f"{figures['rows']:,}", f"{figures['positives']:,}"]
        for title, one in (("ebbline", figures["ebbline"]), (anchor["name"], figures["anchor"])):
            table.add_row(*head, title, _metric(one["auc"], 3), _metric(one["log_loss"], 4))
            head = ["", "", ""]
    console.print(table)


def _metric(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
