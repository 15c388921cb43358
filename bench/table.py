"""Figures as Markdown: tables, medians with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Goal(NamedTuple):
    """A ratio to reach; None = only reported."""

    title: str
    least: float | None


def row(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def table(head: Sequence[str], rows: Sequence[str]) -> str:
    """A whole table; rows: made by `row`."""
    return "\n".join([row(head), "|" + " --- |" * len(head), *rows])


def spread(values: Sequence[float]) -> str:
    """Median and, where there are several, min–max."""
    middle = f"{median(values):.3g} ×"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3g}–{max(values):.3g})"
