"""Plots as SVG, written by hand like ``bench.chart``: no plotting library for three pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

COLOURS = ("#1f6feb", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#57606a")
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" font-family="sans-serif" '
HEAD += 'font-size="12"><rect width="{0}" height="{1}" fill="white"/>'
GRID = "#d0d7de"
WIDTH, HEIGHT, LEFT, TOP, FOOT = 250, 210, 46, 30, 34
COLUMNS = 3


class Line(NamedTuple):
    """One contender's points in a panel."""

    name: str
    points: Sequence[tuple[float, float]]


class Panel(NamedTuple):
    """A small plot. diagonal: draw where both axes are equal. level: draw this height."""

    title: str
    lines: Sequence[Line]
    diagonal: bool = False
    level: float | None = None


class Bar(NamedTuple):
    """A value with its interval."""

    name: str
    low: float
    middle: float
    high: float


def panels(title: str, shown: Sequence[Panel], names: Sequence[str]) -> str:
    """Small plots side by side, each with axes of its own; one colour for each name."""
    colour = dict(zip(names, COLOURS, strict=False))
    rows = -(-len(shown) // COLUMNS)
    width, height = COLUMNS * WIDTH + 20, 62 + rows * HEIGHT
    parts = [
        HEAD.format(width, height),
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
    ]
    for i, name in enumerate(names):
        x = 14 + i * 190
        parts.append(f'<path d="M{x} 40h18" stroke="{colour[name]}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 24}" y="44">{escape(name)}</text>')
    for i, panel in enumerate(shown):
        x, y = (i % COLUMNS) * WIDTH, 56 + (i // COLUMNS) * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel, colour)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, colour: dict[str, str]) -> str:
    points = [point for line in panel.lines for point in line.points]
    if not points:
        return f'<text x="{LEFT}" y="18">{escape(panel.title)}: nothing</text>'
    x_low, x_high = _range([p[0] for p in points])
    levels = [] if panel.level is None else [panel.level]
    y_low, y_high = _range([*(p[1] for p in points), *levels])
    if panel.diagonal:
        x_low = y_low = 0.0
        x_high = y_high = max(x_high, y_high)
    across, up = WIDTH - LEFT - 14, HEIGHT - TOP - FOOT

    def at(x: float, y: float) -> str:
        right = LEFT + (x - x_low) / (x_high - x_low) * across
        return f"{right:.1f} {TOP + (1 - (y - y_low) / (y_high - y_low)) * up:.1f}"

    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(panel.title)}</text>']
    parts.append(
        f'<rect x="{LEFT}" y="{TOP}" width="{across}" height="{up}" fill="none" stroke="{GRID}"/>'
    )
    for value, where in ((y_low, TOP + up), (y_high, TOP + 9)):
        parts.append(f'<text x="{LEFT - 4}" y="{where}" text-anchor="end">{value:.3g}</text>')
    for value, where, anchor in ((x_low, LEFT, "start"), (x_high, LEFT + across, "end")):
        y = TOP + up + 16
        parts.append(f'<text x="{where}" y="{y}" text-anchor="{anchor}">{value:.3g}</text>')
    if panel.diagonal:
        parts.append(f'<path d="M{at(x_low, y_low)}L{at(x_high, y_high)}" stroke="{GRID}"/>')
    if panel.level is not None:
        ends = at(x_low, panel.level), at(x_high, panel.level)
        parts.append(f'<path d="M{ends[0]}L{ends[1]}" stroke="black" stroke-dasharray="3 3"/>')
    for line in panel.lines:
        if line.points:
            way = "L".join(at(x, y) for x, y in line.points)
            stroke = colour.get(line.name, COLOURS[-1])
            parts.append(f'<path d="M{way}" fill="none" stroke="{stroke}" stroke-width="1.6"/>')
    return "".join(parts)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def bars(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], names: Sequence[str]) -> str:
    """Values with intervals around zero, group by group, on one scale."""
    colour = dict(zip(names, COLOURS, strict=False))
    every = [bar for _, group in groups for bar in group]
    low, high = min([0.0, *(b.low for b in every)]), max([0.0, *(b.high for b in every)])
    width, left, line = 760, 210, 15
    height = 70 + sum(line * len(group) + 10 for _, group in groups)
    scale = (width - left - 20) / ((high - low) or 1.0)
    parts = [
        HEAD.format(width, height),
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
    ]
    for i, name in enumerate(names):
        x = 14 + i * 190
        parts.append(f'<path d="M{x} 40h18" stroke="{colour[name]}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 24}" y="44">{escape(name)}</text>')
    zero = left - low * scale
    parts.append(f'<path d="M{zero:.1f} 52V{height - 18}" stroke="black"/>')
    for value in (low, high):
        place = left + (value - low) * scale
        parts.append(
            f'<text x="{place:.1f}" y="{height - 4}" text-anchor="middle">{value:+.3f}</text>'
        )
    y = 64
    for label, group in groups:
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        for bar in group:
            ends = [left + (v - low) * scale for v in (bar.low, bar.high, bar.middle)]
            stroke = colour.get(bar.name, COLOURS[-1])
            parts.append(
                f'<path d="M{ends[0]:.1f} {y}H{ends[1]:.1f}" stroke="{stroke}" stroke-width="2"/>'
            )
            parts.append(f'<circle cx="{ends[2]:.1f}" cy="{y}" r="4" fill="{stroke}"/>')
            y += line
        y += 10
    return "\n".join([*parts, "</svg>", ""])
