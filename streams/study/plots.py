"""A study's regrets as SVG, written by hand: no plotting library for one picture."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, sqrt
from statistics import fmean
from xml.sax.saxutils import escape

from streams.study.figures import NATS
from streams.study.results import Results
from streams.study.running import LEARNED

COLOURS = {
    "latest": "#1f6feb",
    "consistent": "#9a6700",
    "lag_trained": "#8250df",
    "degrade": "#cf222e",
    "nowcast": "#1a7f37",
    LEARNED: "#24292f",
}
OTHER = "#57606a"
GRID = "#d0d7de"
LEFT, PANEL, LINE, TOP, GAP = 190, 230, 22, 78, 24
MARKS = (-300, -100, -30, -10, -3, 0, 3, 10, 30, 100, 300, 1000, 3000)
APART = 28
"""Pixels between two marks of the axis, at least."""


def picture(results: Results, title: str) -> str:
    """For each model and condition every policy's regret, mean over seeds."""
    every = [
        NATS * fmean(found)
        for model in results.models
        for condition in results.conditions
        for policy in results.policies
        if (found := results.regrets(policy, model, condition))
    ]
    low, high = min(0.0, *every), max(1.0, *every)
    legend = 14 + sum(30 + 7 * len(policy) for policy in results.policies)
    width = max(LEFT + len(results.models) * (PANEL + GAP), legend)
    height = TOP + len(results.conditions) * LINE + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
        *_legend(results),
    ]
    for row, condition in enumerate(results.conditions):
        y = TOP + row * LINE + LINE / 2 + 4
        parts.append(f'<text x="{LEFT - 10}" y="{y}" text-anchor="end">{escape(condition)}</text>')
    for place, model in enumerate(results.models):
        parts += _panel(results, model, LEFT + place * (PANEL + GAP), low, high)
    return "\n".join([*parts, "</svg>", ""])


def _legend(results: Results) -> list[str]:
    parts, x = [], 14
    for policy in results.policies:
        colour = COLOURS.get(policy, OTHER)
        parts.append(f'<circle cx="{x}" cy="40" r="{_radius(policy)}" fill="{colour}"/>')
        parts.append(f'<text x="{x + 9}" y="44">{escape(policy)}</text>')
        x += 30 + 7 * len(policy)
    return parts


def _panel(results: Results, model: str, left: int, low: float, high: float) -> list[str]:
    bottom = TOP + len(results.conditions) * LINE

    def at(value: float) -> float:
        """Square roots: what is won by a few must not hide behind what is lost by hundreds."""
        return left + (_root(value) - _root(low)) / (_root(high) - _root(low)) * PANEL

    parts = [
        f'<text x="{left}" y="{TOP - 10}" font-weight="bold">{escape(model)}</text>',
        f'<path d="M{at(0):.1f} {TOP}V{bottom}" stroke="black"/>',
    ]
    for value, x in _marks(low, high, at).items():
        place = f'x="{x:.1f}" y="{bottom + 16}" text-anchor="middle"'
        parts.append(f'<path d="M{x:.1f} {bottom}v4" stroke="{OTHER}"/>')
        said = f"{value:+d}" if value else "0"
        parts.append(f"<text {place}>{said}</text>")
    parts.append(
        f'<text x="{left}" y="{bottom + 32}">regret, 1e-4 nats, as roots (left is better)</text>'
    )
    for row, condition in enumerate(results.conditions):
        y = TOP + row * LINE + LINE / 2
        parts.append(f'<path d="M{left} {y}H{left + PANEL}" stroke="{GRID}"/>')
        for policy in results.policies:
            if found := results.regrets(policy, model, condition):
                x, colour = at(NATS * fmean(found)), COLOURS.get(policy, OTHER)
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y}" r="{_radius(policy)}" fill="{colour}" '
                    'fill-opacity=".8"/>'
                )
    return parts


def _root(value: float) -> float:
    return copysign(sqrt(abs(value)), value)


def _marks(low: float, high: float, at: Callable[[float], float]) -> dict[int, float]:
    """Values of the axis and where they are: 0, then the nearest to it that have room."""
    found: dict[int, float] = {}
    for value in sorted(MARKS, key=abs):
        x = at(value)
        if low <= value <= high and all(abs(x - other) >= APART for other in found.values()):
            found[value] = x
    return found


def _radius(policy: str) -> float:
    return 5.5 if policy == LEARNED else 4
