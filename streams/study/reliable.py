"""Reliability under each condition as SVG: is what was said what came true, with a source away?"""

from __future__ import annotations

from xml.sax.saxutils import escape

from streams.study.plots import GRID
from streams.study.results import Results
from streams.study.running import LEARNED

SIDE, LEFT, TOP, GAP = 260, 56, 60, 64
COLOURS = ("#24292f", "#1f6feb", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#0a9396", "#bc4c00")


def reliability_picture(results: Results, title: str, policy: str = LEARNED) -> str:
    """For each model a panel, in it for each condition the tenths of the scores by probability.

    Across the mean of what was said, upwards the share that churned; on the diagonal both agree.
    """
    every = [
        value
        for model in results.models
        for condition in results.conditions
        for mean, rate, _ in results.bands(condition, model, policy)
        for value in (mean, rate)
    ]
    high = 1.05 * max(every, default=1.0)
    width = max(LEFT + len(results.models) * (SIDE + GAP), 420)
    height = TOP + SIDE + 56 + 18 * len(results.conditions)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
    ]
    for number, model in enumerate(results.models):
        parts += _panel(results, model, policy, LEFT + number * (SIDE + GAP), high)
    for number, condition in enumerate(results.conditions):
        y = TOP + SIDE + 58 + 18 * number
        parts.append(f'<circle cx="{LEFT + 4}" cy="{y - 4}" r="4" {_paint(number)}/>')
        parts.append(f'<text x="{LEFT + 16}" y="{y}">{escape(condition)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(results: Results, model: str, policy: str, left: int, high: float) -> list[str]:
    bottom = TOP + SIDE

    def at(mean: float, rate: float) -> str:
        return f"{left + mean / high * SIDE:.1f} {bottom - rate / high * SIDE:.1f}"

    parts = [
        f'<text x="{left}" y="{TOP - 10}" font-weight="bold">{escape(model)}, {policy}</text>',
        f'<path d="M{left} {TOP}V{bottom}H{left + SIDE}" stroke="black" fill="none"/>',
        f'<path d="M{at(0, 0)}L{at(high, high)}" stroke="{GRID}"/>',
        f'<text x="{left}" y="{bottom + 32}">said (mean of a tenth of the scores)</text>',
        f'<text transform="translate({left - 36} {bottom}) rotate(-90)">churned</text>',
    ]
    for share in (0.5, 1.0):
        value = share * high
        x, y = left + share * SIDE, bottom - share * SIDE
        parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="end">{value:.2f}</text>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value:.2f}</text>')
    for number, condition in enumerate(results.conditions):
        bands = results.bands(condition, model, policy)
        if bands:
            colour = COLOURS[number % len(COLOURS)]
            line = "L".join(at(mean, rate) for mean, rate, _ in bands)
            parts.append(f'<path d="M{line}" stroke="{colour}" fill="none" opacity=".5"/>')
            for mean, rate, _ in bands:
                across, up = at(mean, rate).split()
                parts.append(f'<circle cx="{across}" cy="{up}" r="3" {_paint(number)}/>')
    return parts


def _paint(number: int) -> str:
    """A colour for each condition; once they have been used up, the same as rings."""
    colour = COLOURS[number % len(COLOURS)]
    inside = colour if number < len(COLOURS) else "white"
    return f'fill="{inside}" stroke="{colour}"'
