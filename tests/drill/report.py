"""Write the drill's report as Markdown and as an SVG chart, which any browser can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from tests.drill.device import Attempt
from tests.drill.figures import Latency, PhaseFigures, by_second

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 1000, 360, 60, 110, 40
MARGIN = 30  # right of the chart, for the names of the last phases
BEGIN, END = "<!-- drill -->\n", "<!-- end -->"
RATE, ERRORS = "#3b82f6", "#dc2626"


def markdown(
    head: Sequence[str],
    phases: Sequence[PhaseFigures],
    every: Sequence[Latency],
    checks: Mapping[str, Sequence[str]],
) -> str:
    """The whole report; `head` holds its first lines."""
    lines = [*head, "", "| phase | requests/s | failed attempts | last error after | p50 | p99 |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    for one in phases:
        share = f"{one.failed} ({one.failed / max(one.requests, 1):.2%})"
        after = f"{one.recovered:.0f} s" if one.failed else "–"
        name = f"**{one.name}**" if one.broken else one.name
        lines.append(f"| {name} | {one.rate:.0f} | {share} | {after} | {one.p50:.0f} ms | {one.p99:.0f} ms |")
    lines += ["", "| people near | what | answered | p50 | p99 |", "|---|---|--:|--:|--:|"]
    lines += [
        f"| {one.door} | {one.kind} | {one.count} | {one.p50:.0f} ms | {one.p99:.0f} ms |" for one in every
    ]
    lines += ["", "| must be none | found |", "|---|--:|"]
    lines += [f"| {name} | {len(wrong)} |" for name, wrong in checks.items()]
    lines += [f"\n- {name}: {text}" for name, wrong in checks.items() for text in wrong[:5]]
    return "\n".join(lines) + "\n"


def put_in(page: str, text: str) -> str:
    """Put the report between its marks in the page. Raises ValueError if the page has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for the drill: {BEGIN} … {END}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def svg(phases: Sequence[PhaseFigures], attempts: Sequence[Attempt]) -> str:
    """Draw requests per second and the share of failures over time; phases with a fault are shaded."""
    begun, ended = phases[0].begun, phases[-1].ended
    seconds = by_second(attempts, begun, ended)
    most = max((count for _, count, _ in seconds), default=1) or 1

    def x(second: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (second - begun) / (ended - begun)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    rates = " ".join(f"{x(at):.1f},{y(count / most):.1f}" for at, count, _ in seconds)
    errors = " ".join(f"{x(at):.1f},{y(share):.1f}" for at, _, share in seconds)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + MARGIN} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH + MARGIN}" height="{HEIGHT}" fill="#fff"/>',
        *(_phase(number, one, x(one.begun), x(one.ended)) for number, one in enumerate(phases)),
        *(_line(y(share), f"{share:.0%}", f"{share * most:.0f}") for share in (0.0, 0.5, 1.0)),
        f'<polyline points="{rates}" fill="none" stroke="{RATE}" stroke-width="1.5"/>',
        f'<polyline points="{errors}" fill="none" stroke="{ERRORS}" stroke-width="2"/>',
        f'<text x="{LEFT}" y="{HEIGHT - 8}" fill="{ERRORS}">share of attempts that failed (left)</text>',
        f'<text x="{LEFT + 240}" y="{HEIGHT - 8}" fill="{RATE}">requests a second (right)</text>',
        f'<text x="{WIDTH - 20}" y="{HEIGHT - 8}" text-anchor="end">{ended - begun:.0f} s</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _phase(number: int, one: PhaseFigures, left: float, right: float) -> str:
    shade = "#fee2e2" if one.broken else "#f8fafc"
    across = f'x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}"'
    at = f'x="{left + 4:.1f}" y="{TOP - 6}" transform="rotate(-18 {left + 4:.1f} {TOP - 6})"'
    return f'<rect {across} fill="{shade}"/><text {at} font-size="11">{escape(one.name)}</text>'


def _line(height: float, left: str, right: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{height:.1f}" y2="{height:.1f}" stroke="#cbd5e1"/>'
        f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end" fill="{ERRORS}">{left}</text>'
        f'<text x="{WIDTH - 16}" y="{height - 4:.1f}" text-anchor="end" fill="{RATE}">{right}</text>'
    )
