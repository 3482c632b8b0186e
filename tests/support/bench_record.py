"""Record the last results of the benchmarks: docs/bench.json keeps them; docs/benchmarks.md, the charts and README's
table are made from it.

A section that is measured again replaces its own entry; the other entries stay, with their date.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emulators.toolkit import ROOT

FILE = Path("docs/bench.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `low` and `high` are the quartiles around a median. `beside` is the time of `than`, `ratio` is this
    figure divided by it; a ratio above `most` is a miss."""

    what: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    than: str = ""
    beside: float | None = None
    ratio: float | None = None
    most: float | None = None
    goal: float | None = None

    @property
    def missed(self) -> bool:
        return self.ratio is not None and self.most is not None and self.ratio > self.most


@dataclass(frozen=True, slots=True)
class Point:
    """A median at `x`, between its quartiles."""

    x: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Named lines over one axis; both axes are logarithmic."""

    name: str
    title: str
    across: str
    up: str
    lines: Mapping[str, Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Section:
    """One run of a benchmark; `how` describes the method. `load` is the machine's load before and after; `seconds` is
    wall time."""

    name: str
    about: str
    date: str
    commit: str
    machine: str
    load: tuple[float, float]
    store: str
    sizes: Mapping[str, str]
    seconds: float
    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...] = ()
    how: str = ""


def median(what: str, values: Sequence[float], unit: str) -> Figure:
    """The median of at least one value, with its quartiles."""
    low, middle, high = quartiles(values)
    return Figure(what, middle, unit, low, high)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def keep(section: Section, root: Path = ROOT) -> dict[str, Section]:
    """Store the run; returns every section by name."""
    found = {**load(root), section.name: section}
    text = json.dumps([_rounded(asdict(found[name])) for name in sorted(found)], indent=1)
    (root / FILE).write_text(text + "\n")
    return load(root)


def load(root: Path = ROOT) -> dict[str, Section]:
    """The last run of each section."""
    file = root / FILE
    return {one["name"]: _section(one) for one in (json.loads(file.read_text()) if file.exists() else [])}


def _section(entry: Mapping[str, Any]) -> Section:
    charts = [
        Chart(**{**one, "lines": {k: tuple(Point(**p) for p in v) for k, v in one["lines"].items()}})
        for one in entry["charts"]
    ]
    figures = tuple(Figure(**one) for one in entry["figures"])
    return Section(**{**entry, "load": tuple(entry["load"]), "figures": figures, "charts": tuple(charts)})


def _rounded(value: Any) -> Any:
    """Round each number to four digits: more digits are noise and change with every run."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
