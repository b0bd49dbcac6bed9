"""Curves as an SVG picture with logarithmic axes. It draws and measures nothing.

Source: issue of scale.
"""

import math
from collections.abc import Sequence
from html import escape

from runner.bench.curve import Curve

WIDTH, HEIGHT, MARGIN, LEGEND = 760, 420, 60, 250
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b8860b", "#4a4a4a", "#008b8b", "#a52a2a")


def picture(title: str, curves: Sequence[Curve]) -> str:
    """The SVG text: medians as lines, from there to the 99th percentile as thin bars."""
    points = [point for curve in curves for point in curve.points if point.value.median > 0]
    if not points:
        raise ValueError("there is nothing to draw")
    across = _Axis([point.scopes for point in points], MARGIN, WIDTH - LEGEND)
    up = _Axis([v for point in points for v in (point.value.median, point.value.p99)], HEIGHT - MARGIN, MARGIN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="24" font-size="15">{escape(title)}</text>',
        *_scales(across, up, sorted({point.scopes for point in points})),
    ]
    for number, curve in enumerate(curves):
        parts += _line(curve, COLOURS[number % len(COLOURS)], number, across, up)
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """Maps values to places on a logarithmic scale; it begins and ends at powers of ten."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self.high = max(self.high, self.low + 1)
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Where a value is."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 1)


def _scales(across: _Axis, up: _Axis, sizes: Sequence[int]) -> list[str]:
    left, right, bottom = MARGIN, WIDTH - LEGEND, HEIGHT - MARGIN
    parts = []
    for power in range(up.low, up.high + 1):
        y = up.place(10.0**power)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>')
    for size in sizes:
        x = across.place(size)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{MARGIN}" y2="{bottom}" stroke="#eee"/>')
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{size}</text>')
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">scopes on one node</text>')
    return parts


def _line(curve: Curve, colour: str, number: int, across: _Axis, up: _Axis) -> list[str]:
    points = [point for point in curve.points if point.value.median > 0]
    places = [(across.place(point.scopes), up.place(point.value.median)) for point in points]
    line = " ".join(f"{x},{y}" for x, y in places)
    parts = [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for (x, y), point in zip(places, points, strict=True):
        top = up.place(point.value.p99)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{y}" y2="{top}" stroke="{colour}"/>')
        parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
    exponent = "" if curve.exponent is None else f", N^{curve.exponent:.2f}"
    x, y = WIDTH - LEGEND + 16, MARGIN + 20 * number
    parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
    parts.append(f'<text x="{x + 16}" y="{y}">{escape(curve.name)}, {escape(curve.unit)}{exponent}</text>')
    return parts
