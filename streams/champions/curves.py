"""Learning curves as SVG, written by hand: no plotting library for one picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from models.learning.diagnosis import Diagnosis

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 60, 60
TRAIN, NEW, BASE = "#8b949e", "#1f6feb", "#cf222e"

Scale = Callable[[float], float]


def picture(found: Diagnosis, title: str, advice: str) -> str:
    """Log loss on learned and on new examples against the number learned (logarithmic)."""
    counts = [point.learned for point in found.points]
    train = [point.train for point in found.points]
    new = [point.prequential for point in found.points]
    x = _scale([math.log(max(count, 1)) for count in counts], LEFT, WIDTH - RIGHT, margin=0.05)
    y = _scale([*train, *new, found.base], HEIGHT - BOTTOM, TOP, margin=0.1)
    places = [x(math.log(max(count, 1))) for count in counts]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="12" y="24" font-size="15">{escape(title)}</text>',
        f'<text x="12" y="44" fill="#57606a">{escape(_shortened(advice))}</text>',
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="#d0d7de" fill="none"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">'
        "examples learned</text>",
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
        'text-anchor="middle">log loss, nats</text>',
    ]
    lines += [
        f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{count:,}</text>'
        for at, count in zip(places, counts, strict=True)
    ]
    lines += [_tick(y, value) for value in _ticks([*train, *new, found.base])]
    lines += _curve(places, [y(value) for value in new], NEW, "new examples")
    lines += _curve(places, [y(value) for value in train], TRAIN, "learned examples")
    lines.append(
        f'<path d="M{LEFT} {y(found.base):.1f}H{WIDTH - RIGHT}" stroke="{BASE}" '
        'stroke-dasharray="5 4"/>'
    )
    lines.append(_label(WIDTH - RIGHT, y(found.base), BASE, "base rate"))
    return "\n".join([*lines, "</svg>", ""])


def _scale(values: Sequence[float], start: float, stop: float, margin: float) -> Scale:
    low, high = min(values), max(values)
    room = (high - low or 1.0) * margin
    span = high - low + 2 * room

    def place(value: float) -> float:
        return start + (value - low + room) / span * (stop - start)

    return place


def _ticks(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [low + (high - low) * i / 4 for i in range(5)]


def _tick(y: Scale, value: float) -> str:
    at = y(value)
    return (
        f'<path d="M{LEFT - 4} {at:.1f}H{LEFT}" stroke="#d0d7de"/>'
        f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:.4f}</text>'
    )


def _curve(xs: Sequence[float], ys: Sequence[float], colour: str, name: str) -> list[str]:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        for x, y in zip(xs, ys, strict=True)
    ]
    line = f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [line, *dots, _label(xs[-1], ys[-1], colour, name)]


def _label(x: float, y: float, colour: str, text: str) -> str:
    return f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(text)}</text>'


def _shortened(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
