"""Draw a chart with logarithmic axes as SVG, which any browser can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from tests.support.bench_record import Chart, Point

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 800, 400, 70, 44, 44, 190
COLOURS = ("#2563eb", "#dc2626", "#059669", "#9333ea", "#d97706", "#0891b2")
Scale = Callable[[float], float]


def svg(chart: Chart) -> str:
    """Draw medians as lines, with a bar from quartile to quartile. A value of zero or less is drawn at the bottom."""
    points = [point for line in chart.lines.values() for point in line]
    across, x = _axis([point.x for point in points], LEFT, WIDTH - RIGHT)
    heights = [value for point in points for value in (point.low, point.value, point.high) if value > 0]
    up, y = _axis(heights or [1.0], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(chart.title)}</text>',
        f'<text x="{LEFT}" y="36" fill="#475569">{escape(chart.up)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end" fill="#475569">{escape(chart.across)}</text>',
        *(_down(x(value), value) for value in across),
        *(_level(y(value), value) for value in up),
    ]
    for number, (name, line) in enumerate(chart.lines.items()):
        parts += _line(number, name, line, x, y)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axis(values: list[float], begin: float, end: float) -> tuple[list[float], Scale]:
    """The powers of ten around the values, and a function that gives a value's position between `begin` and `end`."""
    least = math.floor(math.log10(min(values)) + 1e-9)
    most = max(math.ceil(math.log10(max(values)) - 1e-9), least + 1)

    def place(value: float) -> float:
        share = (math.log10(max(value, 10.0**least)) - least) / (most - least)
        return begin + share * (end - begin)

    return [10.0**power for power in range(least, most + 1)], place


def _down(at: float, value: float) -> str:
    text = f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:,g}</text>'
    return f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#e2e8f0"/>{text}'


def _level(at: float, value: float) -> str:
    text = f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:,g}</text>'
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e2e8f0"/>{text}'


def _line(number: int, name: str, line: Sequence[Point], x: Scale, y: Scale) -> Iterator[str]:
    colour = COLOURS[number % len(COLOURS)]
    path = " ".join(f"{x(point.x):.1f},{y(point.value):.1f}" for point in line)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for point in line:
        at = f"{x(point.x):.1f}"
        yield f'<line x1="{at}" x2="{at}" y1="{y(point.low):.1f}" y2="{y(point.high):.1f}" stroke="{colour}"/>'
        yield f'<circle cx="{at}" cy="{y(point.value):.1f}" r="3" fill="{colour}"/>'
    top = TOP + 12 + 18 * number
    yield f'<text x="{WIDTH - RIGHT + 12}" y="{top}" fill="{colour}">{escape(name)}</text>'
