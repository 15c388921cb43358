"""The cost of lateness as curves: how much a source loses, the later it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from xml.sax.saxutils import escape

from schemas.times import HOUR, format_duration
from streams.study.bill import Bill
from streams.study.figures import NATS
from streams.study.variants import MISSING, Variant

COLOURS = ("#1f6feb", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#57606a")
LINE = 15
"""Between two labels."""
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 70, 150, 54, 56


def picture(bill: Bill, title: str) -> str:
    """Log loss more (1e-4 nats, with its interval) against how late each source is."""
    shown = [variant for variant in bill.costs if variant.feature is None]
    lags = sorted({variant.lag for variant in shown if variant.lag is not None})
    last = (lags[-1] if lags else HOUR) * 4
    places = {lag: math.log(lag) for lag in lags} | {None: math.log(last)}
    ends = [
        NATS * e for v in shown for e in (bill.costs[v].log_loss.low, bill.costs[v].log_loss.high)
    ]
    low, high = min(0.0, *ends), max(1.0, *ends)
    first, width = min(places.values()), WIDTH - LEFT - RIGHT

    def x(lag: int | None) -> float:
        return LEFT + (places[lag] - first) / ((places[None] - first) or 1.0) * width

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="12" y="24" font-size="15">{escape(title)}</text>',
        '<text x="12" y="42" fill="#57606a">log loss more for each score, 1e-4 nats</text>',
        f'<path d="M{LEFT} {y(0):.1f}H{LEFT + width}" stroke="black"/>',
    ]
    parts += [
        f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:+.0f}</text>'
        for value in (low, high)
    ]
    for lag in places:
        name = MISSING if lag is None else format_duration(lag)
        parts.append(f'<text x="{x(lag):.1f}" y="{HEIGHT - 28}" text-anchor="middle">{name}</text>')
    parts.append(
        f'<text x="{LEFT + width / 2}" y="{HEIGHT - 8}" text-anchor="middle">late by</text>'
    )
    sources = list(dict.fromkeys(variant.source for variant in shown))
    last_ones = []
    for source, colour in zip(sources, COLOURS, strict=False):
        own = [variant for variant in shown if variant.source == source]
        own.sort(key=lambda variant: places[variant.lag])
        parts += _curve(bill, own, colour, x, y)
        last_ones.append(own[-1])
    heights = _apart([y(NATS * bill.costs[v].log_loss.middle) + 4 for v in last_ones])
    for variant, colour, height in zip(last_ones, COLOURS, heights, strict=False):
        parts.append(
            f'<text x="{x(variant.lag) + 10:.1f}" y="{height:.1f}" fill="{colour}">'
            f"{escape(variant.source)}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _curve(
    bill: Bill,
    own: list[Variant],
    colour: str,
    x: Callable[[int | None], float],
    y: Callable[[float], float],
) -> list[str]:
    points = [(x(v.lag), y(NATS * bill.costs[v].log_loss.middle)) for v in own]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    parts = [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for variant, (a, b) in zip(own, points, strict=True):
        loss = bill.costs[variant].log_loss
        ends = f"M{a:.1f} {y(NATS * loss.low):.1f}V{y(NATS * loss.high):.1f}"
        parts.append(f'<path d="{ends}" stroke="{colour}" stroke-opacity=".5"/>')
        parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>')
    return parts


def _apart(heights: list[float]) -> list[float]:
    """Heights of labels, moved down as far as they would lie on each other; in their order."""
    found, least = list(heights), -math.inf
    for i in sorted(range(len(heights)), key=heights.__getitem__):
        found[i] = least = max(heights[i], least + LINE)
    return found
