"""A bar chart as SVG, written by hand: no plotting library for one picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, LINE, TOP = 760, 200, 110, 34, 46
COLOURS = {"ebbline": "#1f6feb"}
OTHER = "#8b949e"

Scale = Callable[[float], float]
"""From a value to its place on the horizontal axis."""


def rates(bars: Sequence[tuple[str, str, Sequence[float]]], title: str) -> str:
    """Bars on a logarithmic scale. bars: name, title and the rates of each run."""
    shown = [bar for bar in bars if bar[2]]
    low = 10 ** math.floor(math.log10(min(min(values) for _, _, values in shown)))
    high = 10 ** math.ceil(math.log10(max(max(values) for _, _, values in shown)))
    scale = (WIDTH - LEFT - RIGHT) / (math.log10(high) - math.log10(low) or 1)

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - math.log10(low)) * scale

    height = TOP + LINE * len(shown) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="24" font-size="15">{escape(title)}</text>',
        *_axis(low, high, x, height),
    ]
    for i, (name, label, values) in enumerate(shown):
        lines += _bar(TOP + i * LINE, label, values, COLOURS.get(name, OTHER), x)
    return "\n".join([*lines, "</svg>", ""])


def _axis(low: float, high: float, x: Scale, height: int) -> list[str]:
    lines, value = [], low
    while value <= high:
        at = x(value)
        lines.append(f'<path d="M{at:.1f} {TOP - 8}V{height - 26}" stroke="#d0d7de"/>')
        lines.append(
            f'<text x="{at:.1f}" y="{height - 10}" text-anchor="middle">{value:,.0f}</text>'
        )
        value *= 10
    return lines


def _bar(y: int, label: str, values: Sequence[float], colour: str, x: Scale) -> list[str]:
    middle, left, right = x(median(values)), x(min(values)), x(max(values))
    centre = y + 12
    return [
        f'<text x="{LEFT - 8}" y="{y + 17}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{middle - LEFT:.1f}" height="24" fill="{colour}"/>',
        f'<path d="M{left:.1f} {centre}H{right:.1f}M{left:.1f} {y + 6}v12M{right:.1f} {y + 6}v12" '
        'stroke="black"/>',
        f'<text x="{right + 8:.1f}" y="{y + 17}">{median(values):,.0f}</text>',
    ]
