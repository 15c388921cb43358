"""Small line charts side by side, as SVG written by hand; both axes begin at zero or one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP, LEFT, TOP, BOTTOM = 250, 190, 26, 46, 40, 34
COLOUR, GRID = "#1f6feb", "#d0d7de"


class Panel(NamedTuple):
    """One chart: title and points (x from 1, y from 0)."""

    title: str
    points: Sequence[tuple[float, float]]


def panels(charts: Sequence[Panel], y_title: str, columns: int = 2) -> str:
    """All charts in one picture, on the same vertical scale so that they can be compared."""
    top = _round_up(max(y for chart in charts for _, y in chart.points))
    rows = -(-len(charts) // columns)
    width = columns * (LEFT + WIDTH + GAP) + GAP
    height = rows * (TOP + HEIGHT + BOTTOM) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for i, chart in enumerate(charts):
        x = LEFT + (i % columns) * (LEFT + WIDTH + GAP)
        y = TOP + (i // columns) * (TOP + HEIGHT + BOTTOM)
        parts += [f'<g transform="translate({x} {y})">', *_panel(chart, top, y_title), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(chart: Panel, top: float, y_title: str) -> list[str]:
    right = max(x for x, _ in chart.points)

    def at(x: float, y: float) -> tuple[float, float]:
        return (x - 1) / (right - 1) * WIDTH, HEIGHT - y / top * HEIGHT

    parts = [f'<text x="0" y="-24" font-size="13">{escape(chart.title)}</text>']
    parts.append(f'<text x="0" y="-8" fill="#57606a">{escape(y_title)}</text>')
    for step in range(5):
        value = top * step / 4
        _, y = at(1, value)
        parts.append(f'<path d="M0 {y:.1f}H{WIDTH}" stroke="{GRID}"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    places = [at(x, y) for x, y in chart.points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts.append(f'<path d="M{path}" fill="none" stroke="{COLOUR}" stroke-width="2"/>')
    for (value, _), (x, y) in zip(chart.points, places, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOUR}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle">× {value:g}</text>')
    return parts


def _round_up(value: float) -> float:
    """To a value whose quarters are readable."""
    step = 4.0
    while step < value:
        step *= 2
    while step * 0.75 >= value:
        step *= 0.75
    return step
