"""Write docs/benchmarks.md, its charts and README's table from docs/bench.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from emulators.toolkit import ROOT
from tests.support import plot
from tests.support.bench_record import Chart, Figure, Section

BEGIN, END = "<!-- bench -->\n", "<!-- end -->"
HEAD = "| | median (quartiles) | compared with | ratio | limit |\n|---|--:|--:|--:|--:|"
README_HEAD = "| | | median (quartiles) | compared with | ratio | limit |\n|---|---|--:|--:|--:|--:|"
# The figures that README shows, by section: the beginnings of their names.
HEADLINES: Mapping[str, tuple[str, ...]] = {
    "desk": ("cached GET", "place order", "claim"),
    "engine": ("accept to broadcast, of",),
    "growth": ("claims/next",),
    "users": ("a visit every 600 s: p99 of a claim",),
    "cold": ("first answer of a function",),
}


def write(sections: Mapping[str, Section], root: Path = ROOT) -> None:
    """Write all files that are made from the sections."""
    for path, text in pages(sections, root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def pages(sections: Mapping[str, Section], root: Path = ROOT) -> dict[Path, str]:
    """The files with their text."""
    charts = {
        root / "docs" / "images" / f"{image(one, chart)}": plot.svg(chart)
        for one in sections.values()
        for chart in one.charts
    }
    readme = root / "README.md"
    table = _put_in(readme.read_text(), headlines(sections))
    return {root / "docs" / "benchmarks.md": page(sections.values()), readme: table, **charts}


def image(section: Section, chart: Chart) -> str:
    return f"bench-{section.name}-{chart.name}.svg"


def headlines(sections: Mapping[str, Section]) -> str:
    """README's table: the chosen figures, by section, with the machine of each."""
    lines = [README_HEAD]
    loads: dict[str, list[float]] = {}  # by machine
    for name, wanted in HEADLINES.items():
        section = sections.get(name)
        if section is None:
            continue
        found = [one for begin in wanted for one in section.figures if one.what.startswith(begin)]
        subjects = [section.about, *[""] * len(found)]  # said once for all its rows
        lines += [f"| {about} {_row(one)}" for about, one in zip(subjects, found, strict=False)]
        loads.setdefault(section.machine, []).append(section.load[0])
    taken = [f"{machine}, load {min(some):.0f} to {max(some):.0f} before" for machine, some in loads.items()]
    return "\n".join([*lines, *(["", "On " + "; ".join(taken) + "."] if taken else [])])


def page(sections: Iterable[Section]) -> str:
    """The text of docs/benchmarks.md."""
    lines = [
        "# What was measured, on what, and when",
        "",
        "Made by `make bench`; each part can be run alone (`make bench PART=desk`) and replaces its own section.",
        "A run with other sizes (set in the environment) is printed and not kept. A ratio compares two things that",
        "took turns in one run. It means more than the times, which depend on the machine. `emulator` means Google's",
        "emulators, `embedded` the SQLite store of local runs, `model` a simulated store. Nothing here ran on Google",
        "Cloud. [performance.md](performance.md) says what follows from the figures and what can be tuned.",
    ]
    for section in sorted(sections, key=lambda one: one.name):
        lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def _section(one: Section) -> list[str]:
    sizes = "".join(f", `{name}={value}`" for name, value in one.sizes.items())
    head = f"On {one.date} ({one.commit}) in {one.seconds:.0f} s; store {one.store}{sizes}; {one.machine}; "
    head += f"load {one.load[0]:.1f} before, {one.load[1]:.1f} after"
    images = [f"\n![{chart.title}](images/{image(one, chart)})" for chart in one.charts]
    how = [one.how, ""] if one.how else []
    return [
        f"## {one.name}: {one.about}",
        *how,
        head,
        "",
        HEAD,
        *(_row(figure) for figure in one.figures),
        *images,
    ]


def _row(one: Figure) -> str:
    value = f"{_number(one.value)} {one.unit}".strip()
    if one.low is not None and one.high is not None:
        value += f" ({_number(one.low)} to {_number(one.high)})"
    beside = "" if one.beside is None else f"{one.than}: {_number(one.beside)} {one.unit}"
    ratio = "" if one.ratio is None else f"**{one.ratio:.2f}**" if one.missed else f"{one.ratio:.2f}"
    most = "" if one.most is None else f"{one.most:.3g}"
    most += f" (goal {one.goal:.3g})" if one.goal is not None else ""
    return f"| {one.what} | {value} | {beside} | {ratio} | {most} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _put_in(text: str, table: str) -> str:
    """Put the table between its marks in the text. Raises ValueError if the text has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no place for the table: {BEGIN.strip()} … {END}")
    return f"{before}{begin}\n{table}\n\n{end}{after}"
